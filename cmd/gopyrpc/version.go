package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	pypackage "github.com/gopyrpc/gopyrpc/python"
)

// version is the version of the project. A test compares it with CHANGELOG.md.
var version = pypackage.Version()

func versionLine() string {
	name := version
	if c := commit(); c != "" {
		name += " " + c
	}
	return fmt.Sprintf("gopyrpc %s (%s, %s/%s)", name, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// commit returns the abbreviated commit that the go command has recorded in the binary, and "+changes" where the
// working tree differed from it. It is empty in a binary that was not built in a clone.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return commitOf(info.Settings)
}

func commitOf(settings []debug.BuildSetting) string {
	var revision, suffix string
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			suffix = "+changes"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + suffix
}

func versionCommand(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !c.json {
				cmd.Println(versionLine())
				return nil
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{
				"version": version, "commit": commit(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
			})
		},
	}
	c.jsonFlag(cmd)
	return cmd
}
