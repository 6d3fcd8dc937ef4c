package lab

import (
	"fmt"
	"runtime"
	"sync"
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

// Excuse is the least standstill that excuses a failure of a test against the
// clock: who takes over after three adverts of 100 ms does so, and rightly, beside a
// machine that stood still.
const Excuse = 300 * time.Millisecond

// Standstills are the times for which the machine stood still, as a virtual one
// does whose processor is given to others.
type Standstills struct {
	mu   sync.Mutex
	list []standstill
	end  func()
}

// standstill is one of them and when it was over.
type standstill struct {
	until time.Time
	took  time.Duration
}

// WatchStandstills notes them until Close. It is an error where real-time priority
// is not permitted: it would measure the load.
func WatchStandstills() (*Standstills, error) {
	tried := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its priority
		tried <- linux.SetRealtime(probePriority)
	}()
	if err := <-tried; err != nil {
		return nil, fmt.Errorf("lab: measure how long the machine stands still: %w", err)
	}
	s := &Standstills{}
	s.end = realtime(beat(5*time.Millisecond, s.note))
	return s, nil
}

// note takes down a standstill that is over. Less than a millisecond is how a
// thread wakes.
func (s *Standstills) note(took time.Duration) {
	if took < time.Millisecond {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, standstill{time.Now(), took})
}

// Longest is the longest since a moment; 0 of none, and of a nil *Standstills,
// which stands for a machine where it cannot be measured.
func (s *Standstills) Longest(since time.Time) (longest time.Duration) {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.list {
		if one.until.After(since) {
			longest = max(longest, one.took)
		}
	}
	return longest
}

// Close ends the measuring.
func (s *Standstills) Close() {
	if s != nil {
		s.end()
	}
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
