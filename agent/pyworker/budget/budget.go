// Package budget counts what a worker does for each of its peers, and says when that is more than a peer may have.
package budget

import (
	"cmp"
	"fmt"
	"time"
)

// Limits are what one peer may have. Zero: as much as it likes.
type Limits struct {
	PerCall   time.Duration // in Python, for one call; wall time, whatever the call waits for
	PerMinute time.Duration // in Python, in a minute, all its calls together: two at once count twice
	Result    int64         // of one result, in bytes
	Calls     int           // that are in progress at once
}

// Bound says whether there is any limit.
func (l Limits) Bound() bool { return l != Limits{} }

// Or completes limits by others: what is zero is theirs.
func (l Limits) Or(other Limits) Limits {
	return Limits{
		PerCall: cmp.Or(l.PerCall, other.PerCall), PerMinute: cmp.Or(l.PerMinute, other.PerMinute),
		Result: cmp.Or(l.Result, other.Result), Calls: cmp.Or(l.Calls, other.Calls),
	}
}

// Within says whether limits allow no more than others. What is zero says nothing, and is the others'.
func (l Limits) Within(other Limits) bool {
	return within(l.PerCall, other.PerCall) && within(l.PerMinute, other.PerMinute) && within(l.Result, other.Result) && within(l.Calls, other.Calls)
}

func within[T cmp.Ordered](limit, other T) bool {
	var none T
	return limit == none || other == none || limit <= other
}

// Wrong says which limit cannot be one, "" for none.
func (l Limits) Wrong() string {
	switch {
	case l.PerCall < 0:
		return fmt.Sprintf("PerCall is %v", l.PerCall)
	case l.PerMinute < 0:
		return fmt.Sprintf("PerMinute is %v", l.PerMinute)
	case l.Result < 0:
		return fmt.Sprintf("Result is %d", l.Result)
	case l.Calls < 0:
		return fmt.Sprintf("Calls is %d", l.Calls)
	}
	return ""
}

// Exceeded says which limit a peer has come to.
type Exceeded struct {
	Text string
}

func (e *Exceeded) Error() string { return e.Text }

func exceeded(format string, args ...any) *Exceeded { return &Exceeded{fmt.Sprintf(format, args...)} }

// Usage is what a peer has used.
type Usage struct {
	Calls       uint64        // that have begun
	InProgress  int           // that have not ended
	Inside      time.Duration // in Python, by all calls
	Minute      time.Duration // of that, in the minute that is counted
	Result      int64         // bytes of results
	Interrupted uint64        // calls that came to a limit of time
	Refused     uint64        // calls that began beyond a limit, and results
}
