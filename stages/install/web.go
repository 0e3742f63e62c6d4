package install

import (
	"context"
	_ "embed"
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
	if err := s.writeStart("Admin       http://" + s.web.address + "/" + backend + "/  user " + adminUser + ", password " + adminPassword); err != nil {
		return err
	}
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

// writeStart writes the StartScript, which says what else there is beside the storefront.
func (s *shop) writeStart(more ...string) error {
	said := append([]string{"Storefront  http://" + s.web.address + "/"}, append(more, "Ctrl-C ends it.")...)
	_, err := s.writeScript(StartScript, script{
		title: "Runs the installed shop at http://" + s.web.address + "/ until Ctrl-C.",
		dir:   s.project(), web: true, index: s.search != nil && s.search.standIn != nil,
		command: "printf '%s\\n' " + quoteAll(said) + "\nwait $server",
	})
	return err
}

// plainPage lets a project without a database be looked at, if it has a page.
func (s *shop) plainPage() error {
	if s.web != nil || !exists(s.in("pub/index.php")) {
		return nil
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	s.web = &web{address: address}
	return s.writeStart()
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
