package install

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/mage-os/nightly/pipeline/gateway"
)

// outward are the variables by which Composer reaches the network when a person runs a
// step again, without the gateway.
var outward = []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "COMPOSER_AUTH"}

// throughGateway are the variables by which Composer reaches the network. Over plain HTTP it
// reaches loopback alone, without the gateway.
func (s *shop) throughGateway() []string {
	return []string{"https_proxy=" + s.options.Gateway, "SSL_CERT_FILE=" + s.dir.path(authorityFile)}
}

// authorityFile is where the work folder has the certificate of the gateway's authority.
const authorityFile = "home/authority.pem"

// openGateway finds the gateway, or starts one.
func (s *shop) openGateway(ctx context.Context) error {
	if o := s.options; o.Gateway == "" {
		address, stop, err := gateway.Serve(ctx, gateway.Options{Repositories: s.candidate.Composer, Client: o.Client, Log: o.Log})
		if err != nil {
			return err
		}
		s.options.Gateway = address
		s.atEnd(stop)
	}
	data, err := gateway.Authority(ctx, s.options.Gateway)
	if err != nil {
		return &MachineError{Err: fmt.Errorf("the gateway to Composer repositories: %w", err), Do: "run it again"}
	}
	return os.WriteFile(s.dir.path(authorityFile), data, 0o644)
}

// environ is the environment of all programs. Nothing of the caller's is in it but PATH: a
// token or a setting there must not decide whether a snapshot installs.
func (s *shop) environ() []string {
	return []string{
		"PATH=" + s.programs.path(s.caller("PATH")),
		"LANG=C.UTF-8",
		"TZ=UTC",
		"HOME=" + s.dir.path("home"),
		"TMPDIR=" + s.dir.path("tmp"),
		"COMPOSER_HOME=" + s.dir.path("home"),
		"COMPOSER_CACHE_DIR=" + s.dir.path("cache"), // of this installation alone: package code may write to it
		"COMPOSER_ALLOW_SUPERUSER=1",
		"COMPOSER_NO_INTERACTION=1",
		// Ours beside the machine's own, for what PHP programs start as well.
		scanDirs(s.dir.path("php")),
	}
}

// scanDirs lets PHP read the settings of folders beside the machine's own.
func scanDirs(dirs ...string) string {
	return "PHP_INI_SCAN_DIR=" + string(os.PathListSeparator) + strings.Join(dirs, string(os.PathListSeparator))
}

// caller is a variable of the caller's environment; the last one counts.
func (s *shop) caller(name string) string {
	value := ""
	for _, pair := range s.options.Environ {
		if rest, ok := strings.CutPrefix(pair, name+"="); ok {
			value = rest
		}
	}
	return value
}
