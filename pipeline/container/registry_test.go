package container_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/container/testdata/stage/kinds"
)

// TestEngineRegistry: a registry that gives nothing is told from an engine that has gone,
// and from an image that is not there, and the error says what helps.
func TestEngineRegistry(t *testing.T) {
	r := newRig(t, nil)
	answers := func(code int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://") + "/oracle:1"
	}
	for _, test := range []struct{ name, image, says string }{
		{"too many requests", answers(http.StatusTooManyRequests), "no more requests from this address"},
		{"a login is wanted", answers(http.StatusForbidden), "docker login"},
		{"no way out", "127.0.0.1:1/oracle:1", "no way out"},
		{"no such image", answers(http.StatusNotFound), "name one that the engine can fetch"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := r.asking(test.image).Run(t.Context(), kinds.In{Text: t.TempDir()})
			var lacking *container.ServiceError
			if !errors.As(err, &lacking) || errors.As(err, new(*container.EngineError)) {
				t.Fatalf("%T %v; want a *ServiceError alone", err, err)
			}
			for _, want := range []string{test.says, test.image} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
			if strings.Count(err.Error(), r.dir+"/engine.log") != 1 {
				t.Errorf("the log is not named once:\n%v", err)
			}
		})
	}
}
