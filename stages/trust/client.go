package trust

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

// ClientOptions are the options for reading a repository.
type ClientOptions struct {
	Root []byte // that is trusted
	// Memory is a folder that keeps what was seen, so that nothing older is taken after it; empty: nothing is kept.
	Memory string
	Now    time.Time
}

// A Repository is the metadata of a published repository, all of it verified by go-tuf's client.
type Repository struct {
	mu      sync.Mutex // the updater is for one goroutine
	updater *updater.Updater
	set     trustedmetadata.TrustedMetadata
}

// Bounds of metadata, in bytes, where nothing that is signed says the length.
const (
	maxRoot      = 512 << 10
	maxTimestamp = 16 << 10
	maxTargets   = 64 << 20
)

// Open reads the metadata of a repository. Its error is fs.ErrNotExist where there is none.
func Open(ctx context.Context, source Source, o ClientOptions) (*Repository, error) {
	r, err := open(ctx, source, o)
	if err != nil {
		return nil, err
	}
	for _, role := range r.Roles() {
		for _, part := range delegated(r.set.Targets[role]) {
			if err := r.load(part); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// open reads a repository but for the parts of its roles, which are read when a target is looked for there.
func open(ctx context.Context, source Source, o ClientOptions) (*Repository, error) {
	r, err := refresh(ctx, source, o)
	if err != nil {
		return nil, err
	}
	for _, role := range delegated(r.set.Targets[metadata.TARGETS]) {
		if err := r.load(role); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// refresh reads the newest roots, timestamp, snapshot and targets.
func refresh(ctx context.Context, source Source, o ClientOptions) (*Repository, error) {
	cfg := &config.UpdaterConfig{
		MaxRootRotations: 256, MaxDelegations: 256,
		RootMaxLength: maxRoot, TimestampMaxLength: maxTimestamp, SnapshotMaxLength: maxTargets, TargetsMaxLength: maxTargets,
		Fetcher: fetcher{ctx, source}, LocalTrustedRoot: o.Root, LocalMetadataDir: o.Memory, LocalTargetsDir: o.Memory,
		RemoteMetadataURL: Dir, RemoteTargetsURL: Dir, DisableLocalCache: o.Memory == "",
	}
	if o.Memory == "" {
		cfg.LocalMetadataDir = os.DevNull // go-tuf looks for what it has kept all the same
	}
	u, err := updater.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("the trusted root: %w", err)
	}
	u.UnsafeSetRefTime(o.Now) // the caller's clock
	if err := u.Refresh(); err != nil {
		return nil, refused(err)
	}
	return &Repository{updater: u, set: u.GetTrustedMetadataSet()}, nil
}

// refused keeps of an error of go-tuf that something is not there.
func refused(err error) error {
	var download *metadata.ErrDownloadHTTP
	if errors.As(err, &download) && download.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return err
}

// load reads a delegated role. The client reads a role when it looks for a target there.
func (r *Repository) load(d metadata.DelegatedRole) error {
	if len(d.Paths) == 0 {
		return fmt.Errorf("role %s is for no targets", d.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.updater.GetTargetInfo(strings.ReplaceAll(d.Paths[0], "*", "none"))
	if r.set.Targets[d.Name] == nil {
		return refused(err)
	}
	return nil
}

// Target gives the signed length and hashes of a target; nil if there is no target of that name.
func (r *Repository) Target(name string) *metadata.TargetFiles {
	f, err := r.Look(name)
	if err != nil { // all roles were read
		return nil
	}
	return f
}

// Look is Target where not all roles were read: its error is of one that cannot be.
func (r *Repository) Look(name string) (*metadata.TargetFiles, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := r.updater.GetTargetInfo(name)
	if err != nil && r.searched(metadata.TARGETS, name) {
		return nil, nil
	}
	return f, refused(err)
}

// searched reports whether all roles that a role has for a target were read.
func (r *Repository) searched(role, target string) bool {
	m := r.set.Targets[role]
	if m == nil {
		return false
	}
	return !slices.ContainsFunc(delegated(m), func(d metadata.DelegatedRole) bool {
		mine, err := d.IsDelegatedPath(target)
		return err == nil && mine && !r.searched(d.Name, target)
	})
}

// Targets are those of a role and its parts that were read.
func (r *Repository) Targets(role string) Targets {
	all := Targets{}
	for _, part := range slices.Backward(delegated(r.set.Targets[role])) { // the first counts
		if m := r.set.Targets[part.Name]; m != nil {
			maps.Copy(all, m.Signed.Targets)
		}
	}
	if m := r.set.Targets[role]; m != nil {
		maps.Copy(all, m.Signed.Targets)
	}
	return all
}

// delegated are the roles that a role delegates to, in the order in which they are trusted.
func delegated(m *metadata.Metadata[metadata.TargetsType]) []metadata.DelegatedRole {
	if m == nil || m.Signed.Delegations == nil {
		return nil
	}
	return m.Signed.Delegations.Roles
}

// Roles are the delegated roles, in the order in which they are trusted.
func (r *Repository) Roles() []string {
	var names []string
	for _, d := range delegated(r.set.Targets[metadata.TARGETS]) {
		names = append(names, d.Name)
	}
	return names
}

// Place is what the newest root is for.
func (r *Repository) Place() (Place, error) { return placeOf(r.set.Root) }

// Versions are those of timestamp and snapshot.
func (r *Repository) Versions() (timestamp, snapshot int64) {
	return r.set.Timestamp.Signed.Version, r.set.Snapshot.Signed.Version
}

// VersionsOf are those that a timestamp names, which nobody verifies here; 0 where it is none.
func VersionsOf(timestamp []byte) (version, snapshot int64) {
	t, err := parse(metadata.Timestamp(), timestamp)
	if err != nil || t.Signed.Meta["snapshot.json"] == nil {
		return 0, 0
	}
	return t.Signed.Version, t.Signed.Meta["snapshot.json"].Version
}

// RootFile is the name of the file of a root.
func RootFile(data []byte) (string, error) {
	root, err := parse(metadata.Root(), data)
	if err != nil {
		return "", fmt.Errorf("the root: %w", err)
	}
	return Dir + "/" + versionedName(root.Signed.Version, metadata.ROOT), nil
}

// Custom reads the custom field of a target.
func Custom(f *metadata.TargetFiles, to any) error {
	if f == nil || f.Custom == nil {
		return errors.New("nothing is said of it")
	}
	return json.Unmarshal(*f.Custom, to)
}

// Status says of all roles until when they count, with their parts that were read.
func (r *Repository) Status() []RoleStatus {
	a := Authority{root: r.set.Root, targets: r.set.Targets[metadata.TARGETS]}
	all := a.Status()
	for i, s := range all {
		switch s.Role {
		case metadata.ROOT, metadata.TARGETS:
		case metadata.SNAPSHOT:
			all[i].Version, all[i].Expires = r.set.Snapshot.Signed.Version, r.set.Snapshot.Signed.Expires
		case metadata.TIMESTAMP:
			all[i].Version, all[i].Expires = r.set.Timestamp.Signed.Version, r.set.Timestamp.Signed.Expires
		default:
			m := r.set.Targets[s.Role]
			all[i].Version, all[i].Expires = m.Signed.Version, m.Signed.Expires
			for _, part := range delegated(m) {
				if m := r.set.Targets[part.Name]; m != nil && m.Signed.Expires.Before(all[i].Expires) {
					all[i].Expires = m.Signed.Expires
				}
			}
		}
	}
	return all
}

// A fetcher reads metadata for go-tuf's client, whose interface has no context.
type fetcher struct {
	ctx    context.Context //nolint:containedctx // see above
	source Source
}

// DownloadFile implements go-tuf's fetcher.Fetcher.
func (f fetcher) DownloadFile(name string, limit int64, _ time.Duration) ([]byte, error) {
	file, err := f.source.Open(f.ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: http.StatusNotFound, URL: name}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, f.source, err)
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, f.source, err)
	}
	if int64(len(data)) > limit {
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: fmt.Sprintf("%s is longer than the %d bytes that it may have", name, limit)}
	}
	return data, nil
}
