package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gopyrpc/gopyrpc/agent"
)

func tokenCommand(*common) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "token --token-file FILE NAME",
		Short: "Make a token by which its holder can be only one worker",
		Long: `token prints a token for one name, made of the secret in --token-file. Who has it can be the worker, or the
guest, of that name; who has the secret itself can be any. Two workers can call each other if one of them has
the secret: a token for one name cannot check another. Whoever reaches a worker can try secrets without being seen, so it
must be random, and not a phrase.`,
		Example: "  openssl rand -base64 32 > secret\n" +
			"  gopyrpc token --token-file secret bob > bob.token\n" +
			"  gopyrpc call --as bob --token-file bob.token --peer w0=127.0.0.1:29500 w0 math:hypot 3 4",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return &usageError{errors.New("--token-file is missing: which secret is the token made of?")}
			}
			secret, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("the secret cannot be read: %w", err)
			}
			token, err := agent.TokenFor(string(secret), args[0])
			if err == nil {
				cmd.Println(token)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&file, "token-file", "", "`file` with the secret that workers share")
	return cmd
}
