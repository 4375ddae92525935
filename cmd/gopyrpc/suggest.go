package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noCommand refuses a command that there is not, and says which may have been meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{fmt.Errorf("no command %q%s; see gopyrpc --help", args[0], meant(cmd.SuggestionsFor(args[0])))}
}

// flagError adds to pflag's words what may have been meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	number := unitless.FindStringSubmatch(err.Error())
	switch {
	case negative.MatchString(err.Error()):
		err = fmt.Errorf("%w (write -- before arguments that begin with -)", err)
	case number != nil:
		err = fmt.Errorf("%w%s", err, meant([]string{number[1] + "s"}))
	case errors.As(err, &unknown):
		err = fmt.Errorf("%w%s", err, meant(similarFlags(cmd, unknown.GetSpecifiedName())))
	}
	return &usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
}

// negative recognises pflag's complaint about a negative number.
var negative = regexp.MustCompile(`in -\.?\d`)

// unitless recognises Go's complaint about a time that is only a number.
var unitless = regexp.MustCompile(`missing unit in duration "([0-9.]+)"`)

// similarFlags finds flags as cobra finds commands: by their distance.
func similarFlags(cmd *cobra.Command, name string) []string {
	flags := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	var similar []string
	for _, name := range flags.SuggestionsFor(name) {
		similar = append(similar, "--"+name)
	}
	return similar
}

func meant(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(names, " or ") + "?)"
}
