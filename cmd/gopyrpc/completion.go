package main

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gopyrpc/gopyrpc/handler"
)

// takesFiles are the flags whose values are files, which shells complete by themselves.
var takesFiles = map[string]bool{
	"python": true, "library": true, "tls-cert": true, "tls-key": true, "tls-ca": true, "token-file": true,
}

// completed are the values that flags may have, as far as they are known.
var completed = map[string][]string{
	"module": {handler.OwnModule, handler.TorchModule},
}

// addCompletions has shells complete what is known, and files only where there may be one.
func addCompletions(root *cobra.Command) {
	_ = root.MarkPersistentFlagDirname("path")
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "call":
			cmd.ValidArgsFunction = completeTarget
		case "run": // a script, and whatever that takes
		default:
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			switch values, known := completed[f.Name]; {
			case known:
				_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
			case !takesFiles[f.Name]:
				_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
			}
		})
	}
}

// completeTarget completes the first argument of call: the workers whose addresses are known, and this process.
func completeTarget(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	given, _ := cmd.Flags().GetStringArray("peer")
	peers, _ := parsePeers(given)
	targets := names(peers)
	slices.Sort(targets)
	return append(slices.Compact(targets), selfTarget), cobra.ShellCompDirectiveNoFileComp
}
