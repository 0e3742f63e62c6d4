package ci

import (
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/runner"
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
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", address)
			if err != nil {
				return usagef("%w", err)
			}
			server := &http.Server{Handler: &standin.Service{}, ReadHeaderTimeout: time.Minute}
			go func() {
				<-cmd.Context().Done()
				_ = server.Close() // it ends with the program
			}()
			if err := server.Serve(listener); cmd.Context().Err() == nil {
				return err
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&address, "address", "127.0.0.1:9200", "address to listen at")
	return cmd
}
