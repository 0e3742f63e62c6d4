package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A page is one request to the shop and what its answer has to hold.
type page struct {
	name   string
	path   string
	body   string // of a POST with JSON; empty: a GET
	expect []string
	// search says that it needs a search.
	search bool
	// shown says that a screenshot is taken of it.
	shown bool
}

// shopPages are what level shop asks for. The texts are in the shop's own pages
// in every version: classes of the body element, names of forms.
func shopPages() []page {
	return []page{
		{name: "home page", path: "", expect: []string{"cms-index-index", "</html>"}, shown: true},
		{name: "category", path: "nightly-category.html", expect: []string{"catalog-category-view", "Nightly category", "Nightly product"}, search: true, shown: true},
		{name: "product", path: "nightly-product.html", expect: []string{"catalog-product-view", "Nightly product", "12.34"}, shown: true},
		{name: "search result", path: "catalogsearch/result/?q=nightly", expect: []string{"catalogsearch-result-index", "Nightly product"}, search: true, shown: true},
		{name: "login", path: "customer/account/login/", expect: []string{"customer-account-login", "login[username]"}},
		{name: "cart", path: "checkout/cart/", expect: []string{"checkout-cart-index"}},
		{name: "admin login", path: backend + "/", expect: []string{"admin__legend", "login[username]"}, shown: true},
		{name: "GraphQL storeConfig", path: "graphql", body: `{"query":"{ storeConfig { store_code locale base_currency_code } }"}`, expect: []string{`"store_code":"default"`}},
		{name: "GraphQL products", path: "graphql", body: `{"query":"{ products(search: \"nightly\") { total_count items { sku name } } }"}`, expect: []string{`"sku":"nightly-product"`}, search: true},
		{name: "GraphQL countries", path: "graphql", body: `{"query":"{ countries { id } }"}`, expect: []string{`{"id":"DE"}`}},
		{name: "REST", path: "rest/V1/directory/countries/DE", expect: []string{`"three_letter_abbreviation":"DEU"`}},
	}
}

// failures are texts that no page of a shop that works holds.
var failures = regexp.MustCompile(`(?i)There has been an error processing your request|<b>(?:Fatal error|Parse error|Warning|Notice|Deprecated)</b>|^\s*(?:PHP )?(?:Fatal error|Parse error|Warning|Notice|Deprecated): |Uncaught [A-Z]\w*(?:Error|Exception)|"errors":\[`)

// pages asks for every page and shows all that fail.
func (s *shop) pages(ctx context.Context) error {
	var errs []error
	count := s.countQueries(ctx)
	for _, p := range shopPages() {
		if p.search && s.search.address == "" {
			s.skip(p.name, "it needs a search, and there is none")
			continue
		}
		s.progress("page "+p.name, "")
		err := s.page(ctx, p)
		s.steps[len(s.steps)-1].Queries = count.since(ctx, s)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			errs = append(errs, err)
			continue
		}
		s.prove(p.name, "%s", s.url(p.path))
	}
	return s.serviceFailed(errors.Join(errs...))
}

func (s *shop) url(path string) string { return "http://" + s.web.address + "/" + path }

// page asks for one page. The error of one that is not right says what of the
// shop's logs was written while it was made.
func (s *shop) page(ctx context.Context, p page) error {
	before := s.logSizes()
	began := s.options.Now()
	status, body, err := s.get(ctx, p)
	s.record("page "+p.name, began, 0)
	if err == nil {
		err = wrongPage(p, status, body)
	}
	if err == nil {
		return nil
	}
	if keep := os.WriteFile(s.dir.path("logs/page-"+fileName(p.name)+".html"), []byte(body), 0o644); keep != nil {
		err = errors.Join(err, keep)
	}
	said := s.logsSince(before)
	text := fmt.Sprintf("%s, %s: %v", p.name, s.url(p.path), err)
	if said != "" {
		text += "\nthe shop's logs say:\n" + indent(said) + "\n" + strings.TrimSuffix(blames(s.blame(said)), "\n")
	}
	return fmt.Errorf("%s\nthe answer: %s\nto see it again: %s", text, s.dir.path("logs/page-"+fileName(p.name)+".html"), s.webAgain(p))
}

func wrongPage(p page, status int, body string) error {
	if status != http.StatusOK {
		return fmt.Errorf("status %d, want 200", status)
	}
	if found := failures.FindString(body); found != "" {
		return fmt.Errorf("it holds %q", found)
	}
	for _, text := range p.expect {
		if !strings.Contains(body, text) {
			return fmt.Errorf("it does not hold %q, so it is not the shop's page", text)
		}
	}
	return nil
}

// maxPage bounds a page, in bytes.
const maxPage = 16 << 20

func (s *shop) get(ctx context.Context, p page) (status int, body string, err error) {
	method := http.MethodGet
	if p.body != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, s.url(p.path), strings.NewReader(p.body))
	if err != nil {
		return 0, "", err
	}
	if p.body != "" || strings.HasPrefix(p.path, "rest/") {
		request.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	}
	response, err := s.web.client.Do(request)
	var timeout *url.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return 0, "", fmt.Errorf("no answer within %v", pageTime)
	}
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	return response.StatusCode, string(data), errors.Join(err, response.Body.Close())
}

// deployedPages asks again, in production mode, and for a file of the static
// content that a page names.
func (s *shop) deployedPages(ctx context.Context) error {
	if err := s.pages(ctx); err != nil {
		return fmt.Errorf("in production mode: %w", err)
	}
	_, body, err := s.get(ctx, page{})
	if err != nil {
		return err
	}
	found := stylesheet.FindStringSubmatch(body)
	if found == nil {
		return errors.New("the home page in production mode names no style sheet below static/")
	}
	if !exists(filepath.Join(s.in("pub/static"), filepath.FromSlash(found[1]))) {
		return fmt.Errorf("the home page names %s, which setup:static-content:deploy has not made", found[1])
	}
	s.prove("static content", "%s is deployed", found[1])
	return nil
}

var stylesheet = regexp.MustCompile(`/static/version\d+/([^"?]+\.css)`)

// askAgain asks for a page, which may want JSON, and prints the answer.
const askAgain = `
$options = ["ignore_errors" => true, "timeout" => 180];
if ($argv[2] !== "") {
    $options += ["method" => "POST", "header" => "Content-Type: application/json", "content" => $argv[2]];
}
echo file_get_contents($argv[1], false, stream_context_create(["http" => $options]));
fwrite(STDERR, $http_response_header[0] . PHP_EOL);
`

// webAgain is the command that asks for a page again.
func (s *shop) webAgain(p page) string {
	command, err := s.writeScript("page-"+fileName(p.name)+".sh", script{
		title: "Asks the installed shop again for its " + p.name, dir: s.project(), web: true,
		command: quoteAll([]string{s.programs.php, "-r", askAgain, s.url(p.path), p.body}),
	})
	if err != nil {
		return "(the script cannot be written: " + err.Error() + ")"
	}
	return command
}
