package install

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// listenAndServe serves a handler on loopback until stop is called.
func listenAndServe(what string, h http.Handler) (stop func() error, address string, err error) {
	listener, err := listen(what)
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with stop
	return server.Close, listener.Addr().String(), nil
}

func listen(what string) (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, &MachineError{Err: fmt.Errorf("serve %s on loopback: %w", what, err), Do: "allow listening on 127.0.0.1"}
	}
	return listener, nil
}

// freeAddress gives an address on loopback, HOST:PORT, whose port is free now.
func freeAddress() (string, error) {
	listener, err := listen("the shop")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
