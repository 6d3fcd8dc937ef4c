package peer

import "time"

// View is what is known of another director by the link.
type View struct {
	Name string
	// Reachable: it has answered within the last [silence].
	Reachable bool
	// Since is when Reachable became what it is.
	Since time.Time
	// Cause is why it is not reachable.
	Cause string
	// Beat is the newest one; of a director that was never reached it is empty.
	Beat Beat
	// Heard is when Beat came.
	Heard time.Time
}

// next is the view after an attempt. It is pure.
func (v View) next(now time.Time, b Beat, err error) View {
	switch {
	case err == nil:
		if !v.Reachable {
			v.Since = now
		}
		v.Reachable, v.Cause, v.Beat, v.Heard = true, "", b, now
	case v.Reachable && now.Sub(v.Heard) < silence:
		// One beat that was lost says nothing.
	default:
		if v.Reachable || v.Since.IsZero() {
			v.Since = now
		}
		v.Reachable, v.Cause = false, err.Error()
	}
	return v
}
