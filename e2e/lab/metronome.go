package lab

import (
	"fmt"
	"runtime"
	"time"

	"failover/vrrp/linux"
)

// Metronome measures how late the machine itself is: a thread with real-time
// priority, where that is permitted, does nothing but sleep until absolute times,
// every so often. stop ends it and returns by how much it woke late each time.
func (l *Lab) Metronome(every time.Duration) (stop func() []time.Duration) {
	var late []time.Duration
	end := l.realtime(beat(every, func(by time.Duration) { late = append(late, by) }))
	return func() []time.Duration {
		end()
		return late
	}
}

// StandStill measures for how long the machine stood still at most, until stop. It
// is an error where real-time priority is not permitted: it would measure the load.
func StandStill() (stop func() time.Duration, err error) {
	tried := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its priority
		tried <- linux.SetRealtime(probePriority)
	}()
	if err := <-tried; err != nil {
		return nil, fmt.Errorf("lab: measure how long the machine stands still: %w", err)
	}
	var longest time.Duration
	end := realtime(beat(5*time.Millisecond, func(by time.Duration) { longest = max(longest, by) }))
	return func() time.Duration { end(); return longest }, nil
}

// beat tells by how much it wakes late, each time.
func beat(every time.Duration, note func(time.Duration)) func(<-chan struct{}) {
	return func(done <-chan struct{}) {
		for next := monotonic() + every; ; next += every {
			select {
			case <-done:
				return
			default:
			}
			now := sleepUntil(next)
			note(now - next)
			for next+every < now {
				next += every
			}
		}
	}
}
