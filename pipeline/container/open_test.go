package container

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// Who has the key reaches what a stage behind the wall exposes, and nobody else does.
func TestLetIn(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "open") }))
	defer shop.Close()
	socket, key := filepath.Join(t.TempDir(), "s"), "the-key"
	exposed, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer exposed.Close()
	go forward(exposed, dialer("tcp", shop.Listener.Addr().String()))
	outer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	go letIn(outer, socket, key)
	for shown, want := range map[string]bool{key: true, "not-key": false, "": false, key[1:]: false} {
		conn, err := net.Dial("tcp", outer.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, shown+"GET / HTTP/1.0\r\n\r\n")
		answer, _ := io.ReadAll(conn) // a reset, where it is refused
		conn.Close()
		if got := len(answer) > 0; got != want {
			t.Errorf("with %q as key: answered %v, want %v: %s", shown, got, want, answer)
		}
	}
}
