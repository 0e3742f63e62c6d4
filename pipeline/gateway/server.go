package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of what all clients together can take, which is package code: connections, answers
// that are fetched or written at one time, and bytes of a header and of a question for
// advisories.
const (
	maxConnections = 256
	maxAnswers     = 16
	maxHeader      = 1 << 16
	maxQuestion    = 1 << 20
)

// Times for a header or a question to come, for an answer to be taken, for both with what a
// repository needs, and between two requests.
const (
	reading = 30 * time.Second
	writing = 2 * time.Minute
	whole   = time.Hour
	idle    = 2 * time.Minute
)

// Serve serves a gateway on loopback until stop is called. Its address has a password: other
// users of the machine reach loopback as well, and must not read with the logins of this one.
func Serve(ctx context.Context, o Options) (address string, stop func() error, err error) {
	g, err := New(o)
	if err != nil {
		return "", nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("serve Composer repositories on loopback: %w", err)
	}
	g.password = rand.Text()
	at := url.URL{Scheme: "http", User: url.UserPassword(user, g.password), Host: listener.Addr().String()}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(ctx, listener) }()
	return at.String(), sync.OnceValue(func() error { cancel(); return <-ended }), nil
}

// Serve serves at a listener until the context ends. Afterwards no connection is open, and
// nothing is fetched or kept any more.
func (g *Gateway) Serve(ctx context.Context, l net.Listener) error {
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	tunnels := &tunnels{conns: make(chan net.Conn), done: serving.Done(), at: l.Addr()}
	plain, inner := g.server(serving, func(w http.ResponseWriter, r *http.Request) {
		proxied := r.Method == http.MethodConnect || r.URL.IsAbs()
		switch {
		case proxied && !g.admits(r):
			w.Header().Set("Proxy-Authenticate", `Basic realm="gateway"`)
			http.Error(w, "the gateway of a test installation is for that one alone", http.StatusProxyAuthRequired)
		case r.Method == http.MethodConnect:
			g.connect(w, r, tunnels)
		case proxied:
			g.answer(w, r)
		case r.URL.Path == authorityPath:
			_, _ = w.Write(g.certificate) // the client has gone
		default:
			http.NotFound(w, r)
		}
	}), g.server(serving, func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host = "https", r.Host
		g.answer(w, r)
	})
	stop := context.AfterFunc(ctx, func() { _ = plain.Close() })
	defer stop()
	var tunnelling sync.WaitGroup
	tunnelling.Go(func() { _ = inner.Serve(tunnels) }) // ends with serving
	err := plain.Serve(netutil.LimitListener(l, maxConnections))
	cancel()
	tunnelling.Wait()
	err = errors.Join(err, plain.Close(), inner.Close())
	for range cap(g.answers) { // all that are under way
		g.answers <- struct{}{}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// user is whom a gateway with a password admits.
const user = "nightly"

// admits says that a request has the gateway's password, if there is one.
func (g *Gateway) admits(r *http.Request) bool {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+g.password))
	return g.password == "" || subtle.ConstantTimeCompare([]byte(r.Header.Get("Proxy-Authorization")), []byte(want)) == 1
}

func (g *Gateway) server(ctx context.Context, h http.HandlerFunc) *http.Server {
	return &http.Server{
		Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(g.options.Log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: reading, WriteTimeout: whole, IdleTimeout: idle, MaxHeaderBytes: maxHeader,
	}
}

// connect opens a tunnel to a host, at whose end is the gateway itself. It opens one to any:
// what is asked for in it says what is refused.
func (g *Gateway) connect(w http.ResponseWriter, r *http.Request, to *tunnels) {
	made, err := certificate(g.authority, r.URL.Hostname())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // the client has gone
	}
	err = errors.Join(conn.SetWriteDeadline(time.Now().Add(reading)), write(conn, "HTTP/1.1 200 OK\r\n\r\n"))
	if err != nil || !to.open(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*made}, MinVersion: tls.VersionTLS12})) {
		_ = conn.Close()
	}
}

func write(to io.Writer, text string) error {
	_, err := io.WriteString(to, text)
	return err
}

// tunnels are the connections in which clients speak TLS to a host, as a listener.
type tunnels struct {
	conns chan net.Conn
	done  <-chan struct{}
	at    net.Addr
}

func (t *tunnels) open(conn net.Conn) bool {
	select {
	case t.conns <- conn:
		return true
	case <-t.done:
		return false
	}
}

// Accept implements net.Listener.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case conn := <-t.conns:
		return conn, nil
	case <-t.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener: the end of serving closes it.
func (t *tunnels) Close() error { return nil }

// Addr implements net.Listener.
func (t *tunnels) Addr() net.Addr { return t.at }

// answer gives what a repository has at the URL of a request.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request) {
	select {
	case g.answers <- struct{}{}:
		defer func() { <-g.answers }()
	case <-r.Context().Done():
	}
	if r.Context().Err() != nil {
		return
	}
	client := http.NewResponseController(w)
	_ = client.SetReadDeadline(time.Now().Add(reading))
	question, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuestion))
	_ = client.SetReadDeadline(time.Time{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, status := g.result(r, question)
	_ = client.SetWriteDeadline(time.Now().Add(writing))
	kind := "application/octet-stream"
	if json := bytes.TrimLeft(body, " \n\r\t"); len(json) > 0 && json[0] == '{' {
		kind = "application/json"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err == nil {
		_ = client.Flush() // while it counts
	}
}
