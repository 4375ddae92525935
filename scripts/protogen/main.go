// Command protogen makes the Go code of the agent's wire format from agent/proto/agent.proto.
//
//	go run ./scripts/protogen          write the generated files
//	go run ./scripts/protogen -check   compare only; exit 1 on a difference
//
// Protogen needs no protoc. The compiler is a library, and protogen runs the two plugins with go run, at the versions that
// are pinned here and in go.mod.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const (
	protoDir  = "agent/proto"
	protoFile = "agent.proto"
)

// plugins are Go packages that speak protoc's plugin protocol. The first has its version from go.mod.
var plugins = []string{
	"google.golang.org/protobuf/cmd/protoc-gen-go",
	"google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
}

func main() {
	check := flag.Bool("check", false, "compare the generated files and change nothing")
	flag.Parse()
	if err := run(context.Background(), *check); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, check bool) error {
	request, err := compile(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, plugin := range plugins {
		files, err := generate(ctx, plugin, request)
		if err != nil {
			return err
		}
		for _, f := range files {
			errs = append(errs, settle(f, check))
		}
	}
	return errors.Join(errs...)
}

// compile parses the file and makes the request that every plugin gets.
func compile(ctx context.Context) (*pluginpb.CodeGeneratorRequest, error) {
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{protoDir}},
		SourceInfoMode: protocompile.SourceInfoStandard, // the comments go into the generated code
	}
	files, err := compiler.Compile(ctx, protoFile)
	if err != nil {
		return nil, err
	}
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{protoFile},
		Parameter:      proto.String("paths=source_relative"),
		ProtoFile:      []*descriptorpb.FileDescriptorProto{protoutil.ProtoFromFileDescriptor(files[0])},
	}, nil
}

func generate(ctx context.Context, plugin string, request proto.Message) ([]*pluginpb.CodeGeneratorResponse_File, error) {
	in, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "run", plugin)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go run %s: %w", plugin, err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return nil, fmt.Errorf("%s: %w", plugin, err)
	}
	if response.Error != nil {
		return nil, fmt.Errorf("%s: %s", plugin, response.GetError())
	}
	return response.File, nil
}

// settle writes a generated file. With check it compares the generated text with the file instead.
func settle(f *pluginpb.CodeGeneratorResponse_File, check bool) error {
	name := filepath.FromSlash(path.Join(protoDir, f.GetName()))
	if !check {
		return os.WriteFile(name, []byte(f.GetContent()), 0o644)
	}
	have, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if string(have) != f.GetContent() {
		return fmt.Errorf("%s is not what %s gives: run go run ./scripts/protogen and commit it", name, protoFile)
	}
	return nil
}
