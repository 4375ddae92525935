package main

import (
	"go/ast"
	"strings"
)

// retired are names that were this project's own, in lower case, and the field's word for each. A name is entered here when
// nothing is called by it any more, so that the name does not come back.
var retired = map[string]string{
	"attend":         "Join, of a Coordinator",
	"attendant":      "background reader",
	"attendee":       "joiner",
	"becomespeaker":  "becomeLogger",
	"disband":        "Close, of a Coordinator",
	"board":          "assign",
	"book":           "Acquire, of a quota",
	"bouncer":        "Listener, of security's admission",
	"carrier":        "dispatcher",
	"crossing":       "Runner, of package batch",
	"heldback":       "Masked",
	"holdback":       "Mask",
	"inbound":        "serverConn",
	"incall":         "serverCall",
	"inlet":          "reader",
	"isback":         "Returned",
	"makeway":        "yield",
	"newfuncheld":    "NewFunc, with HoldGIL",
	"newfuncinplace": "NewFunc, with InPlace",
	"outcall":        "clientCall",
	"outgoing":       "message",
	"outlet":         "writer",
	"overmeanwhile":  "finishedMeanwhile",
	"pytests":        "gopyrpc_tests",
	"seldom":         "logLimiter",
	"stay":           "WaitForCompletion",
	"stepin":         "Resume, of a permit",
	"stepout":        "Suspend, of a permit",
	"stranger":       "pendingConn",
	"strangers":      "PendingConnections",
	"supplanted":     "ReplacedError",
	"testpython":     "interpreters",
	"tocome":         "waiting",
	"unbook":         "Release, of a quota",
	"undisturbed":    "masked",
	"unsaid":         "unnotified",
	"waitforpost":    "follow, of leader/followers",
	"wastold":        "notified",
}

// checkWords refuses identifiers that were retired.
func checkWords(_ *tree, f *file, report func(int, string, ...any)) {
	if f.ast == nil {
		return
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if word, ok := retired[strings.ToLower(id.Name)]; ok {
				report(f.line(id.Pos()), "%s was retired: the field says %s (docs/glossary.md)", id.Name, word)
			}
		}
		return true
	})
}
