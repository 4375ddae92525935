package policy

import (
	"time"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

const (
	maxDays       = 999_999_999
	secondsPerDay = 24 * 60 * 60
)

// makeDelta is a timedelta, normalised as every one is.
func makeDelta(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if !holds(args, []shape{isInt, isCount, isCount}) || args[0].Big != nil {
		return errShape
	}
	if d := args[0].Int; d < -maxDays || d > maxDays || args[1].Int >= secondsPerDay || args[2].Int >= 1_000_000 {
		return errShape
	}
	r.becomeSame(n, args...)
	n.Mark = delta
	return nil
}

// makeZone is a timezone: an offset and a name, where it has one.
func makeZone(r *reading, n *pickle.Node, args []*pickle.Node) error {
	shapes := []shape{isMarked(delta), isStr}
	args, err := r.visited(args, shapes[:min(max(len(args), 1), 2)]...)
	if err != nil {
		return err
	}
	r.becomeSame(n, args...)
	n.Mark = zone
	return nil
}

func isMarked(mark uint8) shape { return func(n *pickle.Node) bool { return n.Mark == mark } }

// makeDate is year (2 bytes), month and day. CPython believes the bytes; what prints dates believes CPython.
func makeDate(r *reading, n *pickle.Node, args []*pickle.Node) error {
	return r.makeFromBytes(n, args, false, func(b []byte) bool { return len(b) == 4 && isDate(b) })
}

// makeTime is hour, minute, second and microsecond (3 bytes). Bit 7 of the hour is the fold.
func makeTime(r *reading, n *pickle.Node, args []*pickle.Node) error {
	return r.makeFromBytes(n, args, true, func(b []byte) bool { return len(b) == 6 && isTime(b[0]&0x7f, b[1:]) })
}

// makeDateTime is a date and a time. Bit 7 of the month is the fold.
func makeDateTime(r *reading, n *pickle.Node, args []*pickle.Node) error {
	return r.makeFromBytes(n, args, true, func(b []byte) bool { return len(b) == 10 && isDate(b) && isTime(b[4], b[5:]) })
}

func isDate(b []byte) bool {
	fold := byte(0x7f)
	if len(b) == 4 {
		fold = 0xff
	}
	year, month, day := int(b[0])<<8|int(b[1]), int(b[2]&fold), int(b[3])
	if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= time.Date(year, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC).Day()
}

// isTime looks at an hour, and after it at minute, second and microsecond.
func isTime(hour byte, b []byte) bool {
	micro := int(b[2])<<16 | int(b[3])<<8 | int(b[4])
	return hour < 24 && b[0] < 60 && b[1] < 60 && micro < 1_000_000
}

// makeFromBytes is one that pickle writes as bytes, and if zoned a timezone where it has one: or something else of what is
// listed, as zoneinfo.ZoneInfo. CPython asks whether it is a tzinfo.
func (r *reading) makeFromBytes(n *pickle.Node, args []*pickle.Node, zoned bool, good func([]byte) bool) error {
	if len(args) < 1 || len(args) > 2 || len(args) == 2 && !zoned {
		return errShape
	}
	args = append([]*pickle.Node{}, args...)
	if err := r.values(args); err != nil {
		return err
	}
	if data, ok := small(args[0]); !ok || !good(data) {
		return errShape
	}
	if len(args) == 2 && args[1].Mark != zone && args[1].Mark != instance && args[1].Mark != outcome {
		return errShape
	}
	r.becomeSame(n, args...)
	return nil
}

// small gives what bytes hold that are less than [pickle.LargeData].
func small(n *pickle.Node) ([]byte, bool) {
	if n.Kind != pickle.Bytes {
		return nil, false
	}
	switch len(n.Data) {
	case 0:
		return nil, true
	case 1:
		return n.Data[0], true
	}
	var all []byte
	for _, part := range n.Data {
		all = append(all, part...)
	}
	return all, true
}
