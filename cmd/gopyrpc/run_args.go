package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// endFlags puts a "--" behind the module of run -m, or the code of run -c: what follows is the program's, as with python3,
// and not flags of this command.
func endFlags(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil || cmd.Name() != "run" {
		return args
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.AddFlagSet(cmd.Flags())
	flags.AddFlagSet(cmd.InheritedFlags())
	found := false // the name of the command
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return args
		case arg == cmd.Name() && !found:
			found = true
		case !strings.HasPrefix(arg, "-") || arg == "-":
			return args // the script
		default:
			flag, taken := flagOf(flags, arg)
			if flag == nil {
				return args // a mistake, which the parser reports
			}
			if !taken {
				i++ // its value
			}
			if last := min(i+1, len(args)); flag.Name == moduleFlagName || flag.Name == codeFlag {
				return append(append(append([]string{}, args[:last]...), "--"), args[last:]...)
			}
		}
	}
	return args
}

// flagOf is the flag that an argument is of, and whether the argument has all of it.
func flagOf(flags *pflag.FlagSet, arg string) (flag *pflag.Flag, whole bool) {
	if name, long := strings.CutPrefix(arg, "--"); long {
		name, _, whole = strings.Cut(name, "=")
		flag = flags.Lookup(name)
		return flag, whole || flag != nil && flag.NoOptDefVal != ""
	}
	for i := 1; i < len(arg); i++ { // shorthands in one argument, of which the last may take a value
		flag = flags.ShorthandLookup(arg[i : i+1])
		if flag == nil || flag.NoOptDefVal == "" {
			return flag, i+1 < len(arg)
		}
	}
	return flag, true
}
