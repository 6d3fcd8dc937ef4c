package lab

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Web is a web server on a node. It answers every request with its name, and
// at /echo returns byte for byte what it is sent, for as long as the client
// likes.
type Web struct {
	Name string
	Node *Node

	address string
	served  atomic.Int64

	mu     sync.Mutex
	server *http.Server
	done   chan struct{}
	silent chan struct{} // closed when it may speak again; nil: it speaks
	echoes map[net.Conn]struct{}
}

// Serve starts a web server on the node.
func (n *Node) Serve(name, address string) (*Web, error) {
	w := &Web{Name: name, Node: n, address: address, echoes: map[net.Conn]struct{}{}}
	n.lab.onClose(func() error { w.Speak(); w.Stop(); return nil })
	return w, w.Start()
}

// Start takes the server up again after Stop.
func (w *Web) Start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server != nil {
		return nil
	}
	l, err := w.Node.Listen(w.address)
	if err != nil {
		return fmt.Errorf("lab: web server %s: %w", w.Name, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", w.answer)
	mux.HandleFunc("/echo", w.echo)
	w.server, w.done = &http.Server{Handler: mux}, make(chan struct{})
	go func(s *http.Server, done chan struct{}) {
		defer close(done)
		_ = s.Serve(l)
	}(w.server, w.done)
	return nil
}

// Stop ends the server and its connections, as when its process is killed:
// from then on connections are refused.
func (w *Web) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server == nil {
		return
	}
	_ = w.server.Close()
	<-w.done
	for c := range w.echoes {
		_ = c.Close()
	}
	w.server = nil
}

// Silence makes the server accept connections and say nothing, as a hanging one
// does. Speak ends that.
func (w *Web) Silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.silent == nil {
		w.silent = make(chan struct{})
	}
}

// Speak ends Silence; requests that waited are answered.
func (w *Web) Speak() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.silent != nil {
		close(w.silent)
		w.silent = nil
	}
}

// Served is the number of requests answered, those of checks included.
func (w *Web) Served() int64 { return w.served.Load() }

func (w *Web) answer(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	silent := w.silent
	w.mu.Unlock()
	if silent != nil {
		select {
		case <-silent:
		case <-r.Context().Done():
			return
		}
	}
	w.served.Add(1)
	fmt.Fprintln(out, w.Name)
}

// echo answers with one line, the server's name, and then echoes.
func (w *Web) echo(out http.ResponseWriter, _ *http.Request) {
	c, rw, err := http.NewResponseController(out).Hijack()
	if err != nil {
		return
	}
	w.mu.Lock()
	w.echoes[c] = struct{}{}
	w.mu.Unlock()
	defer func() {
		_ = c.Close()
		w.mu.Lock()
		delete(w.echoes, c)
		w.mu.Unlock()
	}()
	if _, err := fmt.Fprintf(c, "%s\n", w.Name); err != nil {
		return
	}
	_, _ = io.Copy(c, rw.Reader)
}
