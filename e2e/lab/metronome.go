package lab

import "time"

// Metronome measures how late the machine itself is: a thread with real-time
// priority, where that is permitted, does nothing but sleep until absolute times,
// every so often. stop ends it and returns by how much it woke late each time.
func (l *Lab) Metronome(every time.Duration) (stop func() []time.Duration) {
	var late []time.Duration
	end := l.realtime(func(done <-chan struct{}) {
		for next := monotonic() + every; ; next += every {
			select {
			case <-done:
				return
			default:
			}
			now := sleepUntil(next)
			late = append(late, now-next)
			for next+every < now {
				next += every
			}
		}
	})
	return func() []time.Duration {
		end()
		return late
	}
}
