package membership

import "time"

// ReminderInterval is after how long a wait for others is first logged. It is logged again each time that it has lasted twice
// as long.
const ReminderInterval = 5 * time.Second

// reminder says when it is time to log again what is being waited for.
type reminder struct {
	began time.Time
	after time.Duration
}

func newReminder() *reminder { return &reminder{began: time.Now(), after: ReminderInterval} }

// left is how long it is until then.
func (r *reminder) left() time.Duration { return time.Until(r.began.Add(r.after)) }

// due says whether it is time, and sets the next one.
func (r *reminder) due() bool {
	if r.left() > 0 {
		return false
	}
	r.after *= 2
	return true
}
