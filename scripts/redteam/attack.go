package main

import "slices"

// attack is one row of the table.
type attack struct {
	name  string   // what the table calls it; the part before the first dash is its kind
	tries string   // what it tries
	allow []string // the victim's list; that of usual where nil
	needs string   // a Python module without which there is nothing to attack

	payload []byte        // what is sent
	large   func() []byte // or a function that makes it, where that takes long
	source  string        // or Python code that makes it, as the variable payload: where a real pickler is the attack
	tensors string        // Python code for the list of tensors that come with it
	reply   bool          // the victim reads it as the reply to a call of its own
	file    bool          // the control reads it as C's unpickler reads a file

	expect  outcome
	because string   // what the error has to say, where the attack may be refused for want of form as well
	imports []string // modules of which the import is a canary of this attack, besides those of every attack
	grown   int64    // a reply of more bytes, tensors with it, holds what nobody gave

	canary string // which canary the control has to fire
	inert  string // why no control can fire, instead
	host   *host  // how it is made on an agent, for those that are
}

// outcome is what has to come of an attack, when no canary fires.
type outcome string

const (
	refused  outcome = "refused"  // there is no outcome but an error that says so
	harmless outcome = "harmless" // it may be answered: what it tries does not happen
)

// The canaries.
const (
	touched  = "file"     // the file canary in the victim's folder exists
	imported = "import"   // a module was imported that no entry covers
	changed  = "value"    // a value of the victim is another
	leaked   = "secret"   // the reply holds what nobody gave to the sender
	memory   = "memory"   // the process took more memory than maxMemory
	busy     = "time"     // the process computed longer than maxTime
	costly   = "cost"     // memory or busy, whichever comes first
	died     = "death"    // the process ended
	deaf     = "deaf"     // the honest call afterwards had no answer
	entered  = "accepted" // it had an answer, and must not have one
	nowhere  = ""         // Python itself refuses it: the control has to show that
)

// raised is what is said of an answer that is an exception.
const raised = "an exception as the answer"

// usual is the list of most victims: the module whose functions and classes are attacked.
var usual = []string{"victim"}

// allAttacks is the table.
func allAttacks() []attack {
	handlers := handlerAttacks()
	return slices.Concat(handlers, agentCallAttacks(handlers), rrefAttacks(), methodAttacks(), agentReplyAttacks(), tokenAttacks(), squatAttacks(), tlsAttacks(), budgetAttacks())
}

// handlerAttacks are those on a handler, as gopyrpc udf --allow has one.
func handlerAttacks() []attack {
	return slices.Concat(
		gadgetAttacks(),
		chainAttacks(),
		nameAttacks(),
		opcodeAttacks(),
		frameAttacks(),
		buildAttacks(),
		liveAttacks(),
		nestAttacks(),
		hashAttacks(),
		sizeAttacks(),
		resultAttacks(),
		valueAttacks(),
		edgeAttacks(),
		exceptionAttacks(),
		arrayAttacks(),
		tensorAttacks(),
		protocolAttacks(),
		replyAttacks(),
	)
}

func (a attack) list() []string {
	if a.allow == nil {
		return usual
	}
	return a.allow
}
