package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mage-os/nightly/pipeline/remote"
)

// openBucket looks for keys where Amazon's own tools take them: the environment, the
// files in the home, the role of the container or machine.
func openBucket(ctx context.Context, s s3Address, o Options) (Target, error) {
	fail := func(err error) (Target, error) {
		return nil, fmt.Errorf("publish to %s: %w", s.name, err)
	}
	transport := newTransport()
	keys, err := s.keys(ctx, transport)
	if err != nil {
		return fail(err)
	}
	client, err := minio.NewCore(s.host, &minio.Options{
		Creds: keys, Secure: s.secure, Region: s.region, BucketLookup: s.lookup,
		Transport: remote.Bounded{Next: transport, Max: maxRead}, MaxRetries: 1, // ask tries again
	})
	if err != nil {
		return fail(err)
	}
	client.SetS3EnableDualstack(false)
	return &bucket{
		name: s.name, bucket: s.bucket, prefix: s.prefix, client: client,
		close: transport.CloseIdleConnections, options: o,
	}, nil
}

// An s3Address is a parsed s3:// URL.
type s3Address struct {
	name           string // for people: it has no query, which may hold a secret
	bucket, prefix string
	host           string // with a port where it is no usual one
	secure         bool   // HTTPS
	region         string // empty: the server is asked
	lookup         minio.BucketLookupType
	profile        string // of Amazon's files with keys
	anonymous      bool
}

var s3Options = []string{"anonymous", "endpoint", "profile", "region", "use_path_style"}

// lookups are where the bucket stands, by what use_path_style says.
var lookups = map[string]minio.BucketLookupType{"": minio.BucketLookupAuto, "true": minio.BucketLookupPath, "false": minio.BucketLookupDNS}

// parseS3 reads s3://bucket/folder?region=…&endpoint=….
func parseS3(u *url.URL, o Options) (s3Address, error) {
	shown := url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host, Path: u.Path}
	s := s3Address{name: shown.Redacted(), bucket: u.Host}
	fail := func(format string, args ...any) (s3Address, error) {
		return s, fmt.Errorf("publish to %s: %w", s.name, fmt.Errorf(format, args...))
	}
	if u.Host == "" || u.User != nil || u.Fragment != "" {
		return fail("give a bucket and a folder, as s3://bucket/nightly; keys come from the environment")
	}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		s.prefix = prefix + "/"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fail("what stands behind the question mark cannot be read")
	}
	given := map[string]string{"region": o.Region, "endpoint": o.Endpoint}
	for name, values := range query {
		if !slices.Contains(s3Options, name) || len(values) != 1 {
			return fail("%q is no option of such a URL, or is given twice; there are %s", name, strings.Join(s3Options, ", "))
		}
		given[name] = values[0]
	}
	s.region, s.profile, s.anonymous = given["region"], given["profile"], given["anonymous"] == "true"
	_, yesOrNo := lookups[given["anonymous"]]
	lookup, ok := lookups[given["use_path_style"]]
	if s.lookup = lookup; !ok || !yesOrNo {
		return fail("give use_path_style and anonymous as true or false")
	}
	if s.host, s.secure, err = parseEndpoint(given["endpoint"]); err != nil {
		return fail("%w", err)
	}
	return s, nil
}

// parseEndpoint gives the server of a URL; without one, Amazon's.
func parseEndpoint(endpoint string) (host string, secure bool, err error) {
	if endpoint == "" {
		return "s3.amazonaws.com", true, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false, errors.New("give the endpoint as https://host or http://host:port")
	}
	return u.Host, u.Scheme == "https", nil
}

// keyTime bounds the question of a machine for its role: most have none, and some
// networks do not even say so.
const keyTime = 10 * time.Second

// keys looks for keys, so that a run without any ends before it has built something.
func (s s3Address) keys(ctx context.Context, transport *http.Transport) (*credentials.Credentials, error) {
	if s.anonymous {
		return credentials.NewStaticV4("", "", ""), nil
	}
	providers := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}}
	if s.profile != "" {
		providers = []credentials.Provider{&credentials.FileAWSCredentials{Profile: s.profile}}
	}
	keys := credentials.NewChainCredentials(providers)
	ctx, cancel := context.WithTimeout(ctx, keyTime)
	defer cancel()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := keys.GetWithContext(&credentials.CredContext{Client: client, Context: ctx})
	if err == nil && got.SignerType.IsAnonymous() {
		err = errors.New("no keys were found in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), the files in ~/.aws, or of a role of this machine; a public bucket is read with anonymous=true, and a profile that takes a role needs: eval \"$(aws configure export-credentials --format env)\"")
	}
	return keys, err
}

// newTransport is as those of all servers, but for the machine's own services: what a
// proxy reaches at their addresses is the proxy's machine.
func newTransport() *http.Transport {
	transport := remote.NewTransport()
	transport.DisableCompression = true // an object is read as it lies there
	transport.MaxIdleConnsPerHost = 16
	transport.Proxy = func(r *http.Request) (*url.URL, error) {
		if ip := net.ParseIP(r.URL.Hostname()); ip != nil && ip.IsLinkLocalUnicast() {
			return nil, nil
		}
		return http.ProxyFromEnvironment(r)
	}
	return transport
}
