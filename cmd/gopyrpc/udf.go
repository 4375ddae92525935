package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

const defaultMaxBytes = 1 << 30

func udfCommand(c *common) *cobra.Command {
	maxBytes := byteSize(defaultMaxBytes)
	var allow []string
	cmd := &cobra.Command{
		Use:   "udf [flags] < PAYLOAD > RESULT",
		Short: "Run one pickled PythonUDF from standard input",
		Long: `udf reads a pickled PythonUDF from standard input, runs it, and writes the pickled result to
standard output. A function that raised is a result too, a pickled RemoteException. When there is
no result at all, because the payload cannot be unpickled or the result not pickled, the exit
status is 1, the reason is on standard error, and standard output stays empty.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if maxBytes < 1 {
				return &usageError{fmt.Errorf("--max-bytes %d: at least 1", int64(maxBytes))}
			}
			payload, err := awaitPayload(cmd.Context(), cmd.InOrStdin(), int64(maxBytes))
			if err != nil {
				return err
			}
			var opts []handler.Option
			if cmd.Flags().Changed("allow") {
				opts = append(opts, handler.WithAllow(allow...))
			}
			result, err := c.runPayload(cmd, payload, opts)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(result)
			return err
		},
	}
	cmd.DisableFlagsInUseLine = true
	c.moduleFlag(cmd)
	cmd.Flags().Var(&maxBytes, "max-bytes", "`size` of the largest payload accepted, as in 64MiB")
	cmd.Flags().StringArrayVar(&allow, "allow", nil, "`entry` that the payload may name: module, package.*, module:qualname, module:Prefix*, value:module:Class")
	return cmd
}

// awaitPayload is readPayload that a signal ends: a read of standard input cannot be cancelled, but left.
func awaitPayload(ctx context.Context, r io.Reader, limit int64) (payload []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		payload, err = readPayload(r, limit)
	}()
	select {
	case <-done:
		return payload, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// readPayload reads one byte more than allowed, to see that there is more.
func readPayload(r io.Reader, limit int64) ([]byte, error) {
	most := min(limit, math.MaxInt64-1) + 1
	payload, err := io.ReadAll(io.LimitReader(r, most))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the payload from standard input: %w", err)
	case len(payload) == 0:
		return nil, errors.New("the payload on standard input is empty; a pickled PythonUDF was expected")
	case int64(len(payload)) > limit:
		return nil, fmt.Errorf("the payload on standard input is larger than %d bytes; allow more with --max-bytes", limit)
	}
	return payload, nil
}

func (c *common) runPayload(cmd *cobra.Command, payload []byte, opts []handler.Option) (result []byte, err error) {
	err = c.withHandler(cmd, func(ctx context.Context, _ *pybridge.Runtime, h *handler.Handler) error {
		p, err := h.RunUDF(gil.WithLabel(ctx, "the function of the payload"), handler.Payload{Data: payload})
		if err != nil {
			return err
		}
		defer p.Release()
		if len(p.Tensors) > 0 {
			return fmt.Errorf("the result has %d tensors, which do not fit into one pickle on standard output", len(p.Tensors))
		}
		result = p.Data
		return nil
	}, opts...)
	return result, err
}
