package install

import (
	"os"
	"strings"
)

// Proxies are the variables of the caller that programs get, beside PATH. All
// others stay behind: a token or a setting there must not decide whether a
// snapshot installs.
var Proxies = []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}

// environ is the environment of all programs.
func (s *shop) environ() []string {
	env := s.fixedEnviron()
	for _, name := range Proxies {
		value := s.caller(name)
		if strings.EqualFold(name, "no_proxy") {
			value = strings.TrimPrefix(value+",127.0.0.1", ",") // loopback is reached without one
		}
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// fixedEnviron is the part that holds no secret.
func (s *shop) fixedEnviron() []string {
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
		"PHP_INI_SCAN_DIR=" + string(os.PathListSeparator) + s.dir.path("php"),
	}
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
