package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Ids are counted, and the incarnation is in every hello: what nobody was given is not had by naming it.
func TestRRef_nobodyGetsWhatHeGuesses(t *testing.T) {
	h := newHeist(t)
	for _, r := range []*agent.RRef{h.secret, h.shared} {
		named := &agentpb.Reference{Rref: r.Reference().GetRref(), Fork: &agentpb.Id{Rank: 3, Local: 1}, Incarnation: r.Reference().GetIncarnation()}
		for _, shown := range [][]byte{nil, make([]byte, 16), random(16), random(15), h.fork2.GetSecret(), h.honest.Reference().GetSecret()} {
			ref := showing(named, shown)
			h.w3.mayNot(asFetch, ref)
			h.w3.mayNot(asDelete, ref)
			h.w3.mayNot(asAccept, ref)
			if len(shown) == 16 {
				h.w3.mayNot(asFork, ref)
				ref.Grant = &agentpb.Grant{Parent: h.honest.Reference().GetFork(), Serial: 1, Proof: make([]byte, 32)}
				h.w3.mayNot(asFork, ref)
				ref.Grant.Parent = &agentpb.Id{}
				h.w3.mayNot(asFork, ref)
			}
			h.w3.mayNot(asFetch, ref)
		}
	}
	h.unharmed()
}

// shownAs is an id as texts have it.
func shownAs(id *agentpb.Id) string { return fmt.Sprintf("(%d, %d)", id.GetRank(), id.GetLocal()) }

// Whether there is such a value is nobody's business: the answers are the same, but for the number that was asked for.
func TestRRef_aRefusalTellsNothing(t *testing.T) {
	h := newHeist(t)
	ask := func(m agentpb.Method, rref, fork *agentpb.Id) string {
		ref := &agentpb.Reference{Rref: rref, Fork: fork, Incarnation: h.secret.Reference().GetIncarnation(), Secret: random(16),
			Grant: &agentpb.Grant{Parent: h.honest.Reference().GetFork(), Serial: 1, Proof: random(32)}}
		text := h.w3.mayNot(m, ref)
		return strings.NewReplacer(shownAs(rref), "RREF", shownAs(fork), "FORK").Replace(text)
	}
	for _, m := range []agentpb.Method{asFork, asFetch, asDelete, asAccept} {
		absent := ask(m, &agentpb.Id{Local: 77777}, &agentpb.Id{Local: 88888})
		for _, there := range []*agent.RRef{h.secret, h.shared} {
			for _, fork := range []*agentpb.Id{{Local: 99999}, h.honest.Reference().GetFork(), h.fork2.GetFork()} {
				assert.Equal(t, absent, ask(m, there.Reference().GetRref(), fork), "%v", m)
			}
		}
	}
}

// A user's reference is that user's: to read, and to release.
func TestRRef_anothersReferenceIsOfNoUse(t *testing.T) {
	h := newHeist(t)
	for _, shown := range [][]byte{nil, make([]byte, 16), h.fork2.GetSecret(), h.honest.Reference().GetSecret()} { // even the right one
		ref := showing(h.honest.Reference(), shown)
		h.w2.mayNot(asFetch, ref)
		h.w2.mayNot(asDelete, ref)
	}
	h.w3.mayNot(asFetch, h.fork2)
	h.w3.mayNot(asDelete, h.fork2)
	assert.Equal(t, "shared", h.w2.may(asFetch, h.fork2))
	h.unharmed()
}

func TestRRef_everyBitOfASecretCounts(t *testing.T) {
	h := newHeist(t)
	child := h.word(h.fork2, "w3")
	for i := range 8 * 16 {
		wrong := showing(h.fork2, append([]byte(nil), h.fork2.GetSecret()...))
		wrong.Secret[i/8] ^= 1 << (i % 8)
		h.w2.mayNot(asFetch, wrong)
		h.w2.mayNot(asDelete, wrong)
	}
	for i := range 8 * 32 {
		wrong := proto.Clone(child).(*agentpb.Reference)
		wrong.Grant.Proof[i/8] ^= 1 << (i % 8)
		h.w3.mayNot(asFork, wrong)
	}
	for _, n := range []int{0, 16, 31} {
		wrong := proto.Clone(child).(*agentpb.Reference)
		wrong.Grant.Proof = wrong.Grant.Proof[:n]
		h.w3.mayNot(asFork, wrong)
	}
	assert.Equal(t, "shared", h.w2.may(asFetch, h.fork2))
	h.w3.may(asFork, child)
	assert.Equal(t, "shared", h.w3.may(asFetch, child))
}

// A worker that has a value can share it with any worker. A fork is for that worker and good once.
func TestRRef_aWordIsForOneWorkerAndOneUse(t *testing.T) {
	h := newHeist(t)
	child := h.word(h.fork2, "w3")
	h.w2.mayNot(asFork, child)
	h.w3.may(asFork, child)
	h.w3.may(asFork, child) // the answer may have been lost
	assert.Equal(t, "shared", h.w3.may(asFetch, child))
	h.w3.mayNot(asFork, showing(child, random(16)))
	h.w2.mayNot(asFetch, child)
	h.w2.mayNot(asDelete, child)

	again := h.word(h.fork2, "w3", func(ref *agentpb.Reference) { ref.Grant.Serial = child.GetGrant().GetSerial() })
	h.w3.mayNot(asFork, again)
	h.w3.may(asDelete, child)
	h.w3.mayNot(asFetch, child)
	h.w3.mayNot(asFork, child)
	h.w3.mayNot(asFork, showing(child, random(16)))
	h.w3.mayNot(asFetch, child)
	h.w3.mayNot(asFork, h.word(h.fork2, "w3", func(ref *agentpb.Reference) { ref.Grant.Serial = 0 }))

	// A child is a user like any other, also for its parent.
	child = h.word(h.fork2, "w3")
	h.w3.may(asFork, child)
	h.w2.mayNot(asFork, h.word(h.fork2, "w2", func(ref *agentpb.Reference) { ref.Fork = child.GetFork() }))
	grandchild := h.word(child, "w2", func(ref *agentpb.Reference) { ref.Fork.Rank = 3 })
	h.w2.may(asFork, grandchild)
	h.w2.may(asDelete, h.fork2)
	h.w3.may(asDelete, child)
	assert.Equal(t, "shared", h.w2.may(asFetch, grandchild))
	h.unharmed()
}

// A word says what it was given for.
func TestRRef_aWordCannotBeBent(t *testing.T) {
	for name, bend := range map[string]func(h *heist, ref *agentpb.Reference){
		"to another value":  func(h *heist, ref *agentpb.Reference) { ref.Rref = h.secret.Reference().GetRref() },
		"to another fork":   func(_ *heist, ref *agentpb.Reference) { ref.Fork.Local++ },
		"to another serial": func(_ *heist, ref *agentpb.Reference) { ref.Grant.Serial++ },
		"to another parent": func(h *heist, ref *agentpb.Reference) { ref.Grant.Parent = h.honest.Reference().GetFork() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeist(t)
			ref := h.word(h.fork2, "w3")
			bend(h, ref)
			h.w3.mayNot(asFork, ref)
			h.w3.mayNot(asFetch, ref)
			h.unharmed()
		})
	}
	for name, lie := range map[string]func(h *heist, ref *agentpb.Reference){
		"of a value that it was not given":  func(h *heist, ref *agentpb.Reference) { ref.Rref = h.secret.Reference().GetRref() },
		"of a fork that is another's":       func(h *heist, ref *agentpb.Reference) { ref.Grant.Parent = h.honest.Reference().GetFork() },
		"by an id that is another worker's": func(_ *heist, ref *agentpb.Reference) { ref.Fork.Rank = 3 },
		"by an id that is the owner's":      func(_ *heist, ref *agentpb.Reference) { ref.Fork.Rank = 0 },
		"by an id that is in use":           func(h *heist, ref *agentpb.Reference) { ref.Fork = h.honest.Reference().GetFork() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeist(t)
			ref := h.word(h.fork2, "w2", func(ref *agentpb.Reference) { lie(h, ref) })
			h.w2.mayNot(asFork, ref)
			h.w2.mayNot(asFetch, ref)
			h.unharmed()
		})
	}
}

// A worker that has released its reference has none, and nothing brings it back: not its word either.
func TestRRef_releasedIsReleased(t *testing.T) {
	h := newHeist(t)
	kept := h.word(h.fork2, "w3")
	h.w2.may(asDelete, h.fork2)
	h.w2.mayNot(asDelete, h.fork2)
	h.w2.mayNot(asFetch, h.fork2)
	h.w2.mayNot(asFork, h.fork2)
	h.w3.mayNot(asFork, kept)
	h.w2.mayNot(asFork, h.word(h.fork2, "w2"))
	h.unharmed()
}

// What a former life had, the next one has not; and the former life is no more.
func TestRRef_aFormerLifesReferenceIsOfNoUse(t *testing.T) {
	h := newHeist(t)
	assert.Equal(t, "shared", h.w2.may(asFetch, h.fork2))
	next := h.enter(0, "w2", 22)
	next.mayNot(asFetch, h.fork2)
	next.mayNot(asDelete, h.fork2)
	next.mayNot(asFork, h.word(h.fork2, "w2"))
	h.w3.mayNot(asFork, h.word(h.fork2, "w3"))
	_, err := h.w2.stream.Recv()
	require.Error(t, err)
	h.unharmed()
}

// A parent waits for its child. Nobody but the child says that it need not.
func TestRRef_onlyAChildAccepts(t *testing.T) {
	h := newHeist(t)
	at2, at3 := h.enter(1, "w2", 2), h.enter(1, "w3", 3)
	child := h.forkFor(h.honest, "w3")
	child.Secret = random(16)
	h.honest.Release()
	h.shared.Release()
	wrong := proto.Clone(child).(*agentpb.Reference)
	wrong.Grant.Proof[0] ^= 1
	none := proto.Clone(child).(*agentpb.Reference)
	none.Grant = nil
	other := proto.Clone(child).(*agentpb.Reference)
	other.Rref = h.secret.Reference().GetRref()
	at2.mayNot(asAccept, child)
	for _, ref := range []*agentpb.Reference{wrong, none, other} {
		at3.mayNot(asAccept, ref)
	}
	assert.Equal(t, 1, h.agents[1].RRefTable().Children, "it waits for its child")
	h.w3.may(asFork, child)
	at3.may(asAccept, child)
	at3.mayNot(asAccept, child)
	assert.Equal(t, "shared", h.w3.may(asFetch, child))
}

// Somebody else's agent does not do for a liar what the liar may not do.
func TestRRef_anHonestWorkerIsNoTool(t *testing.T) {
	h := newHeist(t)
	liar, cli := h.enter(1, "w2", 2), h.enter(1, "cli", 9)
	own, err := h.agents[1].NewRRef(newText("w1's own", &h.live), nil)
	require.NoError(t, err)
	named := func(r *agent.RRef) *agentpb.Reference {
		return &agentpb.Reference{Rref: r.Reference().GetRref(), Fork: &agentpb.Id{Rank: 2, Local: 1}, Incarnation: r.Reference().GetIncarnation(), Secret: random(16),
			Grant: &agentpb.Grant{Parent: &agentpb.Id{Rank: 2, Local: 1}, Serial: 1, Proof: random(32)}}
	}
	for name, f := range map[string]*agentpb.Fork{
		"a guest for a parent":         {Reference: named(h.secret), Owner: "w0", Parent: "cli", To: "w1"},
		"a guest for an owner":         {Reference: named(h.secret), Owner: "cli", Parent: "w2", To: "w1"},
		"another worker's fork":        {Reference: named(h.secret), Owner: "w0", Parent: "w2", To: "w3"},
		"nobody's fork":                {Reference: named(h.secret), Owner: "w0", Parent: "w2"},
		"its own value, by the liar":   {Reference: named(own), Owner: "w1", Parent: "w2", To: "w1"},
		"its own value, by itself":     {Reference: named(own), Owner: "w1", Parent: "w1", To: "w1"},
		"its own value, without proof": {Reference: &agentpb.Reference{Rref: own.Reference().GetRref(), Incarnation: own.Reference().GetIncarnation()}, Owner: "w1", Parent: "w1", To: "w1"},
		"no secret":                    {Reference: showing(named(h.secret), random(15)), Owner: "w0", Parent: "w0", To: "w1"},
		"no reference":                 {Owner: "w0", Parent: "w2", To: "w1"},
		"a proof that is too long":     {Reference: &agentpb.Reference{Grant: &agentpb.Grant{Proof: random(33)}}, Owner: "w0", Parent: "w2", To: "w1"},
	} {
		b, err := proto.Marshal(f)
		require.NoError(t, err)
		for _, u := range []*rawUser{liar, cli} {
			assert.NotNil(t, u.call(b), name)
		}
	}
	for name, f := range map[string]*agentpb.Fork{
		"of the owner":   {Reference: named(h.secret), Owner: "w0", Parent: "w0", To: "w1"},
		"of the liar":    {Reference: named(h.secret), Owner: "w0", Parent: "w2", To: "w1"},
		"of w1 itself":   {Reference: named(h.secret), Owner: "w0", Parent: "w1", To: "w1"},
		"of what it has": {Reference: named(h.shared), Owner: "w0", Parent: "w0", To: "w1"},
	} {
		b, err := proto.Marshal(f)
		require.NoError(t, err)
		require.Nil(t, liar.call(b), name)
		r := <-h.ks[1].received
		_, err = r.ToHere(testContext(t))
		assert.Equal(t, codes.PermissionDenied, status.Code(err), "%s: %v", name, err)
		r.Release()
	}
	hereIs(t, own, "w1's own")
	own.Release()
	h.unharmed()
}

// The ids of forks can be guessed. A worker that sends a made-up one first takes nothing from the real one, or from a worker that waits for it.
func TestRRef_aMadeUpForkIsInNobodysWay(t *testing.T) {
	h := newHeist(t)
	liar := h.enter(1, "w2", 2)
	fork, err := h.honest.Fork(testContext(t), "w3") // of which w1 is the parent
	require.NoError(t, err)
	forW3 := readFork(t, fork).GetReference()
	fork, err = h.shared.Fork(testContext(t), "w1")
	require.NoError(t, err)
	forW1 := readFork(t, fork)

	for _, f := range []*agentpb.Fork{
		{Reference: showing(forW1.GetReference(), random(16)), Owner: "w0", Parent: "w0", To: "w1"},
		{Reference: &agentpb.Reference{Rref: forW3.GetRref(), Fork: forW3.GetFork(), Incarnation: forW3.GetIncarnation(),
			Grant: &agentpb.Grant{Proof: random(32)}}, Owner: "w0", Parent: "w1", To: "w1"},
	} {
		b, err := proto.Marshal(f)
		require.NoError(t, err)
		require.Nil(t, liar.call(b))
		r := <-h.ks[1].received
		_, err = r.ToHere(testContext(t))
		assert.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
		r.Release()
	}
	r, err := h.agents[1].Adopt(fork)
	require.NoError(t, err)
	hereIs(t, r, "shared")

	real := &agentpb.Fork{Reference: h.word(h.fork2, "w1"), Owner: "w0", Parent: "w2", To: "w1"}
	madeUp := proto.Clone(real).(*agentpb.Fork)
	madeUp.Reference.Grant.Proof, madeUp.Owner = random(32), "w3" // a worker that is not there, so that the fork stays unconfirmed
	for _, f := range []*agentpb.Fork{madeUp, real} {
		b, err := proto.Marshal(f)
		require.NoError(t, err)
		require.Nil(t, liar.call(b))
	}
	<-h.ks[1].received
	hereIs(t, <-h.ks[1].received, "shared")
	h.honest.Release()
	forW3.Secret = random(16)
	h.w3.may(asFork, forW3) // since its parent still waits
	assert.Equal(t, "shared", h.w3.may(asFetch, forW3))
}

func TestRRef_guestsAreNobody(t *testing.T) {
	h := newHeist(t)
	cli := h.enter(0, "cli", 9)
	_, err := h.shared.Fork(testContext(t), "cli")
	assert.ErrorIs(t, err, agent.ErrUnknownWorker)
	_, err = h.honest.Fork(testContext(t), "cli")
	assert.ErrorIs(t, err, agent.ErrUnknownWorker)
	for _, ref := range []*agentpb.Reference{h.fork2, h.honest.Reference(), h.word(h.fork2, "cli"), h.word(h.fork2, "w3")} {
		for _, m := range []agentpb.Method{asFork, asFetch, asDelete, asAccept, asRemote} {
			assert.Contains(t, cli.mayNot(m, ref), "cli is a guest here")
		}
	}
	h.unharmed()
}

// What a worker has made at another is its own from the start, by a secret that it says.
func TestRRef_remoteNeedsASecret(t *testing.T) {
	h := newHeist(t)
	ref := &agentpb.Reference{Rref: &agentpb.Id{Rank: 2, Local: 1}, Fork: &agentpb.Id{Rank: 2, Local: 2}}
	for _, n := range []int{0, 15, 17} {
		_, failed := h.w2.ask(asRemote, showing(ref, random(n)))
		assert.Contains(t, failed.GetMessage(), fmt.Sprintf("a secret of %d bytes, not 16", n))
	}
	ref.Secret = random(16)
	_, failed := h.w3.ask(asRemote, ref)
	assert.Contains(t, failed.GetMessage(), "the ids are not its own")
	h.w2.may(asRemote, ref)
	ref.Incarnation = h.secret.Reference().GetIncarnation()
	h.w3.mayNot(asFetch, ref)
	h.w2.mayNot(asFetch, showing(ref, random(16)))
	assert.Equal(t, "r", h.w2.may(asFetch, ref))
	h.w3.mayNot(asDelete, ref)
	h.w2.may(asDelete, ref)
	h.w2.mayNot(asFetch, ref)
	h.unharmed()
}

// The owner takes a value back from a user, by that one's word, once.
func TestRRef_backAtTheOwner(t *testing.T) {
	h := newHeist(t)
	give := func(parent string, ref *agentpb.Reference) *agentpb.Status {
		b, err := proto.Marshal(&agentpb.Fork{Reference: ref, Owner: "w0", Parent: parent, To: "w0"})
		require.NoError(t, err)
		return h.w2.call(b)
	}
	mine := h.word(h.fork2, "w0")
	for parent, ref := range map[string]*agentpb.Reference{"w1": mine, "w2": h.word(h.fork2, "w1"), "w0": showing(mine, random(16)), "w3": h.word(h.fork2, "w0",
		func(ref *agentpb.Reference) { ref.Rref = h.secret.Reference().GetRref() })} {
		failed := give(parent, ref)
		assert.Equal(t, codes.PermissionDenied, codes.Code(failed.GetCode()), "%s: %v", parent, failed)
	}
	mine = h.word(h.fork2, "w0")
	require.Nil(t, give("w2", mine))
	r := <-h.ks[0].received
	hereIs(t, r, "shared")
	assert.NotNil(t, give("w2", mine))
	r.Release()
	assert.NotNil(t, give("w2", mine))
	h.unharmed()
}
