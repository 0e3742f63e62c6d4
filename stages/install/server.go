package install

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// A server serves a night on loopback.
type server struct {
	base string // with a slash at its end
	http *http.Server
}

func serve(r pipeline.Reader, n stages.Snapshot) (*server, error) {
	handler, err := stages.SnapshotHandler(r, n)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, &MachineError{Err: fmt.Errorf("serve night %s on loopback: %w", n.Name, err), Do: "allow listening on 127.0.0.1"}
	}
	s := &server{
		base: "http://" + listener.Addr().String() + "/",
		http: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute},
	}
	go func() { _ = s.http.Serve(listener) }() // ends with close
	return s, nil
}

func (s *server) close() { _ = s.http.Close() } // its clients are gone
