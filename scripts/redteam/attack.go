package main

import "slices"

// attack is one row of the table.
type attack struct {
	name  string   // the attack's name in the table; the part before the first dash is its kind
	tries string   // what the attack tries
	allow []string // the victim's list; nil for usual
	needs string   // a Python module without which there is nothing to attack

	payload []byte        // what is sent
	large   func() []byte // or a function that makes the payload, where that takes long
	source  string        // or Python code that makes the payload, as the variable payload, where a real pickler is the attack
	tensors string        // Python code for the list of tensors that come with the payload
	reply   bool          // the victim reads the payload as the reply to a call of its own
	file    bool          // the control reads the payload as C's unpickler reads a file

	expect  outcome
	because string   // what the error has to say, where the attack may be refused for its form as well
	imports []string // modules of which the import is a canary of this attack, besides those of every attack
	grown   int64    // a reply of more bytes, with its tensors, holds memory that was not in the request

	canary string // which canary the control has to fire
	inert  string // why no control can fire, instead
	host   *host  // how the attack is made on an agent, for attacks that are
}

// outcome is what has to come of an attack, when no canary fires.
type outcome string

const (
	refused  outcome = "refused"  // the outcome is an error that says so
	harmless outcome = "harmless" // the attack may be answered: what it tries does not happen
)

// The canaries.
const (
	touched  = "file"     // the file canary in the victim's folder exists
	imported = "import"   // a module was imported that no entry covers
	changed  = "value"    // a value of the victim is another
	leaked   = "secret"   // the reply holds a secret that the sender was not given
	memory   = "memory"   // the process took more memory than maxMemory
	busy     = "time"     // the process computed longer than maxTime
	costly   = "cost"     // memory or busy, whichever comes first
	died     = "death"    // the process ended
	deaf     = "deaf"     // the honest call afterwards had no answer
	entered  = "accepted" // the attack had an answer, and must not have an answer
	nowhere  = ""         // Python itself refuses the attack: the control has to show that
)

// raised begins the text for an answer that is an exception.
const raised = "an exception as the answer"

// usual is the list of most victims: the module whose functions and classes are attacked.
var usual = []string{"victim"}

// allAttacks is the table.
func allAttacks() []attack {
	handlers := handlerAttacks()
	return slices.Concat(handlers, agentCallAttacks(handlers), rrefAttacks(), methodAttacks(), agentReplyAttacks(), tokenAttacks(), squatAttacks(), tlsAttacks(), budgetAttacks())
}

// handlerAttacks are the attacks on a handler, such as gopyrpc udf --allow has.
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
