package ci

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/gateway"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/install/standin"
)

// newStandIn serves the stand-in for containers, and for whoever looks at a shop
// that was installed with it.
func newStandIn(*factory) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:     runner.StandInCommand,
		Short:   "Serve the search stand-in, which takes the place of OpenSearch where none can be had",
		Long:    `search-stand-in answers as much of OpenSearch as a shop's installation and pages ask for. It keeps what is indexed in memory, and proves no search quality.`,
		Example: `  mageos-nightly search-stand-in --address 127.0.0.1:9200`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serveHandler(cmd.Context(), address, &standin.Service{})
		},
	}
	cmd.Flags().StringVar(&address, "address", "127.0.0.1:9200", "address to listen at")
	return cmd
}

// serveHandler serves until the context ends.
func serveHandler(ctx context.Context, address string, h http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return usagef("%w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // it ends with the program
	defer stop()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// newGateway serves a gateway to Composer repositories, for the test installations in
// containers.
func newGateway(env *factory) *cobra.Command {
	var address string
	var repositories []string
	cmd := &cobra.Command{
		Use:     runner.GatewayCommand,
		Short:   "Serve what Composer repositories have to a test installation, as its proxy",
		Long:    `composer-gateway is an HTTP proxy that gives what the named Composer repositories have, with the logins of COMPOSER_AUTH or auth.json, and nothing else. It keeps their dists in the store.`,
		Example: `  mageos-nightly composer-gateway --repository https://repo.packagist.org`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			r, err := env.newRunner(env.display(), false)
			if err != nil {
				return err
			}
			defer func() {
				err = errors.Join(err, r.Close(), pruneCache(context.WithoutCancel(cmd.Context()), r.Dir, env.now()))
			}()
			var all []releases.ComposerRepository
			for _, address := range repositories {
				all = append(all, releases.ComposerRepository{URL: address})
			}
			g, err := gateway.New(r.Gateway(all))
			if err != nil {
				return usagef("%w", err)
			}
			listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", address)
			if err != nil {
				return usagef("%w", err)
			}
			return g.Serve(cmd.Context(), listener)
		},
	}
	cmd.Flags().StringVar(&address, "address", "127.0.0.1:8080", "address to listen at")
	cmd.Flags().StringArrayVar(&repositories, "repository", nil, "URL of a Composer repository; may be repeated")
	return cmd
}
