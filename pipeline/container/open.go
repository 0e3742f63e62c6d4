package container

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"time"

	"dagger.io/dagger"

	"github.com/mage-os/nightly/pipeline"
)

// openPort is where a container with an open stage listens.
const openPort = 7801

// An Entrance is how an open stage is reached: whoever comes to Front goes to what the stage
// exposes. Dagger listens on all interfaces of this machine, at a port of its own; who has not the
// Key gets nothing there.
type Entrance struct {
	Front  net.Listener
	Key    string
	Opened func() // it answers from now on
}

// Open runs a stage that stays open, as a service of the engine with what it needs, until the
// context ends. Its errors are those of Remote.
func Open[In any](ctx context.Context, e *Engine, name string, in In, n Needs, way Entrance) error {
	s := step{Stage: name, Needs: n, Trees: pipeline.Trees(in), Fresh: e.options.Fresh}
	input, err := json.Marshal(in)
	if err != nil {
		return err
	}
	c, args, err := e.container(ctx, s, input)
	if err != nil {
		return err
	}
	stop, err := e.start(ctx, s, input)
	defer stop()
	if err != nil {
		return err
	}
	service := c.WithExposedPort(openPort).AsService(dagger.ContainerAsServiceOpts{Args: args, InsecureRootCapabilities: n.Privileged})
	var tunnel string
	err = e.watch(ctx, s, func(ctx context.Context) error {
		started, err := service.Start(ctx)
		if err != nil {
			return err
		}
		defer func() { // the session's end would end it, too
			_, _ = started.Stop(context.WithoutCancel(ctx), dagger.ServiceStopOpts{Kill: true})
		}()
		if tunnel, err = e.tunnel(ctx, started); err != nil {
			return err
		}
		go forward(way.Front, func(net.Conn) (net.Conn, error) {
			to, err := net.Dial("tcp", tunnel)
			if err == nil {
				_, err = io.WriteString(to, way.Key)
			}
			return to, err
		})
		way.Opened()
		<-ctx.Done()
		return context.Cause(ctx)
	})
	return err
}

// tunnel is the address on loopback at which a service answers that has started.
func (e *Engine) tunnel(ctx context.Context, service *dagger.Service) (string, error) {
	tunnel, err := e.client.Host().Tunnel(service, dagger.HostTunnelOpts{Ports: []dagger.PortForward{{Backend: openPort}}}).Start(ctx)
	if err != nil {
		return "", fmt.Errorf("reach the container from this machine: %w", err)
	}
	ports, err := tunnel.Ports(ctx)
	if err != nil || len(ports) == 0 {
		return "", errors.Join(errors.New("reach the container from this machine: Dagger names no port"), err)
	}
	port, err := ports[0].Port(ctx)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}

// keyTime is how long a connection may take to show its key.
const keyTime = 10 * time.Second

// LetIn lets who has the key in to the socket of a stage behind the wall, once that answers.
func LetIn(ctx context.Context, socket, key string, log *slog.Logger) {
	for {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			_ = conn.Close() // it is there
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause / 10):
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+strconv.Itoa(openPort))
	if err != nil {
		log.Error("the open stage cannot be reached", slog.Any("error", err))
		return
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	letIn(l, socket, key)
}

func letIn(l net.Listener, socket, key string) {
	forward(l, func(from net.Conn) (net.Conn, error) {
		shown := make([]byte, len(key))
		if err := from.SetReadDeadline(time.Now().Add(keyTime)); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(from, shown); err != nil || subtle.ConstantTimeCompare(shown, []byte(key)) == 0 {
			return nil, errors.New("it has not the key")
		}
		if err := from.SetReadDeadline(time.Time{}); err != nil {
			return nil, err
		}
		return net.Dial("unix", socket)
	})
}

// Expose is the other side of LetIn, behind the wall: it leads from the socket to an address there,
// until the context ends.
func Expose(ctx context.Context, socket, address string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return err
	}
	go forward(l, dialer("tcp", address))
	<-ctx.Done()
	return errors.Join(context.Cause(ctx), l.Close())
}
