package container_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/container/testdata/stage/kinds"
)

// asking is a stage beside which the given services run.
func (r *rig) asking(image string, services ...container.Service) pipeline.Stage[kinds.In, kinds.Out] {
	needs := func(kinds.In) (container.Needs, error) {
		return container.Needs{Image: image, Services: services, Env: map[string]string{"TEST_SERVICE": "http://oracle:8080/"}}, nil
	}
	return container.Remote(r.engine, pipeline.Stage[kinds.In, kinds.Out]{Name: "test-ask", Version: 1}, needs)
}

func oracle(answer string) container.Service {
	return container.Service{Name: "oracle", Args: []string{"listen", ":8080"}, Env: map[string]string{"ANSWER": answer}, Port: 8080}
}

// TestEngineService: a stage reaches its service by name, and two stages that run
// at once have services of their own.
func TestEngineService(t *testing.T) {
	r := newRig(t, func(o *container.Options) { o.Fresh = t.TempDir() })
	got := make(chan string, 2)
	for _, text := range []string{"one ", "two "} {
		go func() {
			out, err := r.asking("", oracle("yes")).Run(t.Context(), kinds.In{Text: text})
			if err != nil {
				out.Text = err.Error()
			}
			got <- out.Text
		}()
	}
	if said := []string{<-got, <-got}; !strings.HasSuffix(said[0], " yes") || !strings.HasSuffix(said[1], " yes") || said[0] == said[1] {
		t.Errorf("the stages say %q", said)
	}
}

// TestEngineServiceFails: what is missing beside a stage is no failure of it.
func TestEngineServiceFails(t *testing.T) {
	r := newRig(t, nil)
	ends := oracle("yes")
	ends.Args = []string{"listen", "no address"}
	noImage := oracle("yes")
	noImage.Image = "file:///nonexistent/image.tar"
	nowhere := oracle("yes")
	nowhere.Image = "registry.invalid/oracle:1"
	silent := oracle("yes")
	silent.Port = 8081
	was := container.SetServiceTime(10 * time.Second)
	t.Cleanup(func() { container.SetServiceTime(was) })
	for _, test := range []struct {
		name, image string
		service     container.Service
		says        []string
	}{
		{"a service that ends", "", ends, []string{"service oracle"}},
		{"no image of a service", "", noImage, []string{"service oracle", "/nonexistent/image.tar", "engine image"}},
		{"a service that never answers", "", silent, []string{"service oracle", "did not answer on port 8081", "prove another cell"}},
		{"no registry", "", nowhere, []string{"service oracle", "registry.invalid/oracle:1"}},
		{"no image of the stage", "file:///nonexistent/own.tar", oracle("yes"), []string{"own.tar"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := r.asking(test.image, test.service).Run(t.Context(), kinds.In{Text: t.TempDir()})
			var lacking *container.ServiceError
			if !errors.As(err, &lacking) || errors.As(err, new(*container.ExecError)) {
				t.Fatalf("%v; want a *ServiceError alone", err)
			}
			for _, want := range append(test.says, "stage test-ask cannot begin", r.dir+"/engine.log") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
		})
	}
}
