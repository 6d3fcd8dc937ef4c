package check

import (
	"container/heap"
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// loop is the state of a pool. It belongs to one goroutine; probes run in their
// own and come back through done.
type loop struct {
	config  Config
	box     *mailbox
	servers map[ID]*server
	jobs    map[key]*job
	agenda  agenda
	network lane
	program lane
	running int
	done    chan outcome
	ctx     context.Context
	cancel  context.CancelFunc
}

// lane bounds how many probes of one sort run at once.
type lane struct {
	limit, running int
	ready          []*job // due, first come first served
}

// job is one spec that is probed, for one or more servers.
type job struct {
	key     key
	spec    Spec
	members []*member
	runs    int // probes started before this one
	due     time.Time
	started time.Time
	place   int // on the agenda
	cancel  context.CancelFunc
	hurried bool // while its probe was running
	dropped bool
}

// member is a job's meaning for one server.
type member struct {
	job    *job
	server *server
	tally  Tally
}

// server is a real server with the verdict last reported.
type server struct {
	members []*member
	verdict Verdict
}

// outcome is the end of one probe.
type outcome struct {
	job    *job
	result Result
}

func newLoop(c Config, box *mailbox) *loop {
	ctx, cancel := context.WithCancel(context.Background())
	return &loop{
		config:  c,
		box:     box,
		servers: map[ID]*server{},
		jobs:    map[key]*job{},
		network: lane{limit: c.InFlight},
		program: lane{limit: c.ExecInFlight},
		done:    make(chan outcome, 64),
		ctx:     ctx,
		cancel:  cancel,
	}
}

// run serves until the pool is closed and the last probe has come back.
func (l *loop) run(p *Pool) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		l.startDue(time.Now())
		timer.Reset(l.wait(time.Now()))
		select {
		case s := <-p.sets:
			l.set(s.work, time.Now())
			close(s.applied)
		case which := <-p.rush:
			l.hurry(which, time.Now())
		case answer := <-p.asks:
			answer <- l.standings(time.Now())
		case o := <-l.done:
			l.finish(o, time.Now())
		case <-timer.C:
		case <-p.quit:
			l.cancel()
			for ; l.running > 0; l.running-- {
				<-l.done
			}
			return
		}
	}
}

// wait is the time until the next check is due.
func (l *loop) wait(now time.Time) time.Duration {
	if len(l.agenda) == 0 {
		return time.Hour
	}
	return max(0, l.agenda[0].due.Sub(now))
}

// startDue starts what is due, as far as the lanes have room.
func (l *loop) startDue(now time.Time) {
	for len(l.agenda) > 0 && !l.agenda[0].due.After(now) {
		j := heap.Pop(&l.agenda).(*job)
		lane := l.lane(j)
		lane.ready = append(lane.ready, j)
	}
	for _, lane := range []*lane{&l.network, &l.program} {
		for len(lane.ready) > 0 && lane.running < lane.limit {
			j := lane.ready[0]
			lane.ready[0] = nil
			lane.ready = lane.ready[1:]
			if !j.dropped {
				l.start(j, lane, now)
			}
		}
	}
}

func (l *loop) lane(j *job) *lane {
	if j.spec.Kind == Exec {
		return &l.program
	}
	return &l.network
}

// start runs one probe under its total deadline.
func (l *loop) start(j *job, lane *lane, now time.Time) {
	var ctx context.Context
	ctx, j.cancel = context.WithTimeout(l.ctx, j.spec.Timeout)
	j.started = now
	lane.running++
	l.running++
	go func(cancel context.CancelFunc) {
		defer cancel()
		l.done <- outcome{job: j, result: l.probe(ctx, j.spec)}
	}(j.cancel)
}

// probe asks once; a panic is a failed result with a line in the log.
func (l *loop) probe(ctx context.Context, s Spec) (r Result) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			l.config.Log.Error("check: a probe panicked",
				"kind", s.Kind, "target", s.Target, "panic", p, "stack", string(debug.Stack()))
			r = Result{Detail: fmt.Sprintf("the probe panicked: %v", p)}
		}
		if r.Took == 0 {
			r.Took = time.Since(began)
		}
	}()
	return l.config.Probe(ctx, s)
}

// hurry makes checks due now.
func (l *loop) hurry(which func(Spec) bool, now time.Time) {
	for _, j := range l.jobs {
		switch {
		case !which(j.spec):
		case j.place == nowhere:
			j.hurried = true
		case j.due.After(now):
			j.due = now
			heap.Fix(&l.agenda, j.place)
		}
	}
}

// finish counts a result and puts the check on the agenda again.
func (l *loop) finish(o outcome, now time.Time) {
	j := o.job
	l.lane(j).running--
	l.running--
	if j.dropped {
		return
	}
	j.due = next(j.key, j.spec.Interval, j.runs, j.started, now)
	if j.hurried {
		j.due, j.hurried = now, false
	}
	j.runs++
	heap.Push(&l.agenda, j)
	for _, m := range j.members {
		m.tally, _ = m.tally.Next(now, o.result)
		m.server.judge(now)
		l.box.put(m.server.verdict)
	}
}

// judge makes the server's verdict from its tallies.
func (s *server) judge(now time.Time) {
	tallies := make([]Tally, len(s.members))
	for i, m := range s.members {
		tallies[i] = m.tally
	}
	s.verdict = combine(s.verdict, tallies, now)
}
