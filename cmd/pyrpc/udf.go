package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pyrpc/pyrpc/handler"
	"github.com/pyrpc/pyrpc/pybridge"
)

const defaultMaxBytes = 1 << 30

func udfCommand(c *common) *cobra.Command {
	var maxBytes int64
	var allow []string
	cmd := &cobra.Command{
		Use:   "udf < PAYLOAD > RESULT",
		Short: "Run one pickled PythonUDF from standard input",
		Long: `udf reads a pickled PythonUDF from standard input, runs it, and writes the pickled result to
standard output. A function that raised is a result too, a pickled RemoteException. When there is
no result at all, because the payload cannot be unpickled or the result not pickled, the exit
status is 1, the reason is on standard error, and standard output stays empty.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			payload, err := readPayload(cmd.InOrStdin(), maxBytes)
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
	c.moduleFlag(cmd)
	cmd.Flags().Int64Var(&maxBytes, "max-bytes", defaultMaxBytes, "largest payload accepted")
	cmd.Flags().StringArrayVar(&allow, "allow", nil, "let the payload name only this: module, module:qualname, module.* or module:Prefix*; may be repeated")
	return cmd
}

// readPayload reads one byte more than allowed, to see that there is more.
func readPayload(r io.Reader, limit int64) ([]byte, error) {
	payload, err := io.ReadAll(io.LimitReader(r, limit+1))
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
		p, err := h.RunUDF(ctx, handler.Payload{Data: payload})
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
