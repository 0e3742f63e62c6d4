package install

import (
	"context"
	"net"

	"github.com/mage-os/nightly/stages"
)

// An Extra is a service that a shop can do without: a cache (Valkey or Redis) or
// a queue (RabbitMQ).
type Extra struct {
	Address  string // host:port
	User     string // of a queue
	Password Password
}

// ParseCache reads redis://host:port; valkey:// is the same, and the port is 6379
// if there is none. Its errors do not repeat the text.
func ParseCache(text string) (*Extra, error) {
	_, address, err := parseAddress("cache", "redis://host:6379", text, "redis", "valkey")
	return &Extra{Address: address}, err
}

// ParseQueue reads amqp://user:password@host:port; the port is 5672 if there is
// none, and user and password are guest. Its errors do not repeat the text.
func ParseQueue(text string) (*Extra, error) {
	u, address, err := parseAddress("queue", "amqp://host:5672", text, "amqp")
	if err != nil {
		return nil, err
	}
	if u.User.Username() == "" {
		return &Extra{Address: address, User: "guest", Password: "guest"}, nil
	}
	password, _ := u.User.Password()
	return &Extra{Address: address, User: u.User.Username(), Password: Password(password)}, nil
}

// extraTools are the cache and the queue, if there are any, as tools of an
// installation.
func (v Services) extraTools(ctx context.Context) ([]stages.Tool, error) {
	var found []stages.Tool
	for _, extra := range []struct {
		*Extra
		probe
	}{{v.Cache, cacheProbe}, {v.Queue, queueProbe}} {
		if extra.Extra == nil {
			continue
		}
		version, err := extra.wait(ctx, extra.Address)
		if err != nil {
			return nil, err
		}
		found = append(found, stages.Tool{Name: extra.service, Version: version})
	}
	return found, nil
}

// startExtras looks for the cache and the queue.
func (s *shop) startExtras(ctx context.Context) error {
	found, err := s.options.Services.extraTools(ctx)
	for _, tool := range found {
		s.prove(tool.Name, "%s", tool.Version)
	}
	return err
}

// extraArguments are setup:install's for cache, sessions and queue.
func (v Services) extraArguments() []string {
	args := []string{"--session-save=files"}
	if v.Cache != nil {
		host, port, _ := net.SplitHostPort(v.Cache.Address) // parseAddress has made it of the two
		args = []string{
			"--session-save=redis", "--session-save-redis-host=" + host, "--session-save-redis-port=" + port, "--session-save-redis-db=2",
			"--cache-backend=redis", "--cache-backend-redis-server=" + host, "--cache-backend-redis-port=" + port, "--cache-backend-redis-db=0",
			"--page-cache=redis", "--page-cache-redis-server=" + host, "--page-cache-redis-port=" + port, "--page-cache-redis-db=1",
		}
	}
	if v.Queue != nil {
		host, port, _ := net.SplitHostPort(v.Queue.Address)
		args = append(args, "--amqp-host="+host, "--amqp-port="+port, "--amqp-user="+v.Queue.User, "--amqp-password="+string(v.Queue.Password), "--amqp-virtualhost=/")
	}
	return args
}
