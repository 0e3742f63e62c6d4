package trust

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/mage-os/nightly/releases/composer"
)

// Protect gives a fetcher that reads of the Composer repository at a URL only what is signed there, by a root that is
// trusted. Names of targets are those of php-tuf/composer-integration.
func Protect(ctx context.Context, f composer.Fetcher, address, root string, now time.Time) (composer.Fetcher, error) {
	base := strings.TrimSuffix(strings.TrimSuffix(address, "packages.json"), "/") + "/"
	p := &protected{Fetcher: f, base: base}
	var err error
	if p.signed, err = refresh(ctx, p, ClientOptions{Root: []byte(root), Now: now}); err != nil {
		return nil, fmt.Errorf("what is signed of %s: %w", address, err)
	}
	return p, nil
}

// A protected repository is a Source of its metadata, too.
type protected struct {
	composer.Fetcher
	base   string
	signed *Repository
}

// String implements Source.
func (p *protected) String() string { return p.base }

// Open implements Source.
func (p *protected) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	return p.Fetcher.Fetch(ctx, p.base+name)
}

// Fetch implements composer.Fetcher.
func (p *protected) Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	name, below := strings.CutPrefix(address, p.base)
	name, err := url.PathUnescape(name)
	if !below || err != nil {
		return nil, fmt.Errorf("fetch %s: it is not below %s, of which the signatures are", address, p.base)
	}
	f, err := p.signed.Look(name)
	if err != nil {
		return nil, err
	}
	body, err := p.Fetcher.Fetch(ctx, address)
	if err != nil {
		return nil, err // also of what is not there
	}
	if f == nil {
		return nil, errors.Join(fmt.Errorf("fetch %s: it is not signed", address), body.Close())
	}
	data, err := io.ReadAll(io.LimitReader(body, f.Length+1))
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, fmt.Errorf("fetch %s: %w", address, err)
	}
	if err := f.VerifyLengthHashes(data); err != nil {
		return nil, fmt.Errorf("fetch %s: it is not what was signed: %w", address, err)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}
