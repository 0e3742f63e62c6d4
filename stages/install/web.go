package install

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// A web is the shop's web server: PHP's own.
type web struct {
	address string // host:port, which stands in the shop's base URL
	client  *http.Client
}

// startWeb serves the shop with the router that the distribution carries. It
// answers one request after the other: workers of PHP's server would outlive it
// when this program is killed.
func (s *shop) startWeb(ctx context.Context) error {
	if !exists(s.in(webRouter)) {
		return fmt.Errorf("the project has no phpserver/router.php, with which PHP's own server serves it; the base package deploys it")
	}
	if err := s.writeStart(true); err != nil {
		return err
	}
	return s.serve(ctx)
}

// serve starts the web server, and waits until it answers.
func (s *shop) serve(ctx context.Context) error {
	server, err := s.startServer(service{
		name: "web-server", dir: s.project(), end: syscall.SIGINT,
		args: s.webCommand(),
	})
	if err != nil {
		return err
	}
	s.atEnd(server.stop)
	err = server.answers(ctx, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.web.address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	s.web.client = &http.Client{
		Timeout:       pageTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
	}
	return err
}

// StartScript is the script in the work folder that runs the installed shop until Ctrl-C.
const StartScript = "start.sh"

// Welcome says where a shop that serves at host:port is, and what else there is beside the
// storefront of a whole one.
func Welcome(address string, whole bool) []string {
	said := []string{"Storefront  http://" + address + "/"}
	if whole {
		said = append(said, "Admin       http://"+address+"/"+backend+"/  user "+adminUser+", password "+adminPassword)
	}
	return append(said, "Ctrl-C ends it.")
}

// writeStart writes the StartScript of a shop, or of a page alone.
func (s *shop) writeStart(whole bool) error {
	_, err := s.writeScript(StartScript, script{
		title: "Runs the installed shop at http://" + s.web.address + "/ until Ctrl-C.",
		dir:   s.project(), web: true, index: s.search != nil && s.search.standIn != nil,
		command: "printf '%s\\n' " + quoteAll(Welcome(s.web.address, whole)) + "\nwait $server",
	})
	return err
}

// plainPage lets a project without a database be looked at, if it has a page.
func (s *shop) plainPage() error {
	if s.web != nil || !exists(s.in("pub/index.php")) {
		return nil
	}
	address, err := s.webAddress()
	if err != nil {
		return err
	}
	s.web = &web{address: address}
	return s.writeStart(false)
}

// webAddress is the host:port at which the shop is to serve.
func (s *shop) webAddress() (string, error) {
	if s.options.Web != "" {
		return s.options.Web, nil
	}
	return freeAddress()
}

// open lets the shop, or a project's page alone, be looked at.
func (s *shop) open(ctx context.Context) error {
	if s.web == nil {
		return errors.New("the project has no page to look at: pub/index.php")
	}
	if s.web.client == nil {
		if err := s.serve(ctx); err != nil {
			return err
		}
	}
	return s.options.Opened(ctx, s.web.address)
}

// webRouter is the script by which PHP's own server serves the shop.
const webRouter = "phpserver/router.php"

func (s *shop) webCommand() []string {
	args := []string{s.programs.php, "-d", "display_errors=0", "-S", s.web.address, "-t", s.in("pub")}
	if exists(s.in(webRouter)) {
		args = append(args, s.in(webRouter))
	}
	return args
}

// pageTime is how long a page may take: the first one fills the caches.
const pageTime = 3 * time.Minute

// phpSeed makes a category and a product; see the file.
//
//go:embed php/seed.php
var phpSeed []byte

// seed fills the empty shop, so that its pages have something to show.
func (s *shop) seed(ctx context.Context) error {
	if err := s.runPHP(ctx, command{step: "seed", dir: s.project()}, phpSeed); err != nil {
		return s.serviceFailed(err)
	}
	// Stock and, in some versions, the search index are not updated on save.
	if err := s.reindexAs(ctx, "reindex-seed"); err != nil {
		return err
	}
	s.prove("catalog", "a category and a product are made through the shop's own services")
	return nil
}
