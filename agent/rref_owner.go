package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// owned is a value that this worker keeps. Its fields, but for what ready guards, are the table's.
type owned struct {
	id      rrefID
	forks   map[rrefID]*user // the users
	handles int              // OwnerRRefs here
	running bool             // the value is being made
	pins    int              // copies of the value that are being made
	late    bool             // the table was closed meanwhile: the last of them releases it

	ready chan struct{} // closed when there is a value, or will never be
	value Value         // written before ready is closed
	err   error         // likewise
}

// NewRRef gives a value to the group. The agent owns it from now on.
//
// Torch: RRef(value).
func (a *Agent) NewRRef(value Value, typ []byte) (*RRef, error) {
	id := a.rrefs.newID()
	o, err := a.rrefs.create(id)
	if err != nil {
		return nil, err
	}
	o.handles = 1
	a.rrefs.provide(o, value, nil)
	return a.ownerRRef(o, typ), nil
}

// ownerRRef makes the RRef for a handle that was counted.
func (a *Agent) ownerRRef(o *owned, typ []byte) *RRef {
	r := &RRef{
		agent: a, owned: o, id: o.id, typ: typ, incarnation: a.incarnation, confirmed: make(chan struct{}),
		owner: Worker{Name: a.config.Name, Rank: a.Rank(), Address: a.Addr().String()},
	}
	close(r.confirmed)
	return r
}

// create enters a value that is to come. The caller adds whoever holds it before it provides the value.
func (t *rrefs) create(id rrefID) (*owned, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errClosed()
	}
	if _, ok := t.owned[id]; ok {
		return nil, failure(codes.AlreadyExists, "there is an RRef %v already", id)
	}
	o := &owned{id: id, forks: map[rrefID]*user{}, running: true, ready: make(chan struct{})}
	t.owned[id] = o
	return o, nil
}

// provide sets what became of the value. What comes after that is too late, and is released.
func (t *rrefs) provide(o *owned, value Value, err error) {
	t.mu.Lock()
	late := !o.running
	if !late {
		o.value, o.err, o.running = value, err, false
		close(o.ready)
	}
	if (late || t.closed) && value != nil { // the table was emptied meanwhile
		defer value.Release()
	}
	t.mu.Unlock()
	t.maybeDrop(o)
}

// maybeDrop drops a value that nobody refers to.
func (t *rrefs) maybeDrop(o *owned) {
	t.mu.Lock()
	if len(o.forks) > 0 || o.handles > 0 || o.pins > 0 || o.running || t.owned[o.id] != o {
		t.mu.Unlock()
		return
	}
	delete(t.owned, o.id)
	t.mu.Unlock()
	if o.value != nil {
		o.value.Release()
	}
}

// share enters a user whose fork is on its way, and gives the fork its secret.
func (t *rrefs) share(o *owned, ref *agentpb.Reference, h hold, rank int) {
	u := &user{hold: h, rank: rank, secret: newSecret()}
	ref.Secret = u.secret[:]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addFork(o, idOf(ref.GetFork()), u)
}

// withdraw is share in reverse.
func (t *rrefs) withdraw(o *owned, fork rrefID, shown []byte) {
	t.mu.Lock()
	u := o.forks[fork]
	made := u != nil && u.secret.equals(shown)
	t.mu.Unlock()
	if made {
		t.dropFork(o, fork)
	}
}

func (t *rrefs) dropFork(o *owned, fork rrefID) {
	t.mu.Lock()
	t.removeFork(o, fork)
	t.mu.Unlock()
	t.maybeDrop(o)
}

func (t *rrefs) dropHandle(o *owned) {
	t.mu.Lock()
	o.handles--
	t.mu.Unlock()
	t.maybeDrop(o)
}

// wait waits for the value.
func (o *owned) wait(ctx context.Context) (Value, error) {
	if err := await(ctx, o.ready); err != nil {
		return nil, err
	}
	select {
	case <-o.ready:
		return o.value, o.err
	default:
		return nil, ended(ctx.Err(), fmt.Sprintf("waiting for the value of RRef %v", o.id))
	}
}

// fetch makes a copy of a value for a peer, or for this worker. Meanwhile no release drops the value.
func (a *Agent) fetch(ctx context.Context, o *owned) (Body, error) {
	a.rrefs.pin(o, 1)
	defer a.rrefs.pin(o, -1)
	v, err := o.wait(ctx)
	if err != nil {
		return Body{}, err
	}
	return guard(a, "Value.Fetch", func() (Body, error) { return v.Fetch(ctx) })
}

func (t *rrefs) pin(o *owned, n int) {
	t.mu.Lock()
	o.pins += n
	late := t.closed && o.pins == 0 && o.late
	t.mu.Unlock()
	if late {
		o.value.Release()
		return
	}
	t.maybeDrop(o)
}

// run makes a value with the Executor, in the background. The deadline of the caller does not end that: the value belongs
// to the RRef, which may be at other workers by then. The limit does, if it is more than 0: then the value is an error, also
// where the Executor does not heed the end of its context.
func (t *rrefs) run(from *Peer, id rrefID, body Body, limit time.Duration, hold func(*owned)) error {
	a := t.agent
	executor, ok := a.config.Executor.(RemoteExecutor)
	if !ok {
		return failure(codes.Unimplemented, "worker %s keeps no values: its Executor is no RemoteExecutor", a.config.Name)
	}
	if err := a.transport.Serving.Acquire(1); err != nil {
		return err
	}
	if err := a.activity.Serve(false); err != nil {
		a.transport.Serving.Release(1)
		return err
	}
	o, err := t.create(id)
	if err != nil {
		a.transport.Serving.Release(1)
		a.activity.Done(false)
		return err
	}
	t.mu.Lock()
	hold(o)
	t.mu.Unlock()
	a.transport.Incoming.MustAcquire(body.Size())
	go func() {
		a.count.served.Add(1)
		ctx := context.WithValue(a.serveCtx, peerKey{}, from)
		if limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
			defer context.AfterFunc(ctx, func() { t.provide(o, nil, a.unmade(ctx, limit)) })()
		}
		var value Value
		err := errExited // unless ExecuteRemote returns
		defer func() {
			if err != nil && ctx.Err() != nil && limit > 0 {
				err = a.unmade(ctx, limit)
			}
			if err != nil {
				value, err = nil, a.ownEnd(err)
			}
			t.provide(o, value, err)
			a.transport.Incoming.Release(body.Size())
			a.transport.Serving.Release(1)
			a.activity.Done(false)
		}()
		value, err = guard(a, "Executor.ExecuteRemote", func() (Value, error) {
			return executor.ExecuteRemote(ctx, Request{Body: body})
		})
	}()
	return nil
}

// unmade is the error of a value whose making has ended with its context, in the words that programs written for torch look for.
func (a *Agent) unmade(ctx context.Context, limit time.Duration) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return a.ownEnd(ctx.Err())
	}
	return &Error{Code: codes.DeadlineExceeded, Worker: a.config.Name, Ran: true, Err: context.DeadlineExceeded,
		Text: creationTimedOut + overdue(limit)}
}
