package standin

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// do sends one request and gives the status and the answer.
func do(t *testing.T, server *httptest.Server, method, path, body string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var value map[string]any
	if len(data) > 0 {
		if err := json.Unmarshal(data, &value); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	return response.StatusCode, value
}

// TestInstaller sends what a shop's installer sends, in its order.
func TestInstaller(t *testing.T) {
	service := &Service{}
	server := httptest.NewServer(service)
	defer server.Close()
	for _, step := range []struct {
		method, path, body string
		status             int
	}{
		{"HEAD", "/", "", 200},
		{"HEAD", "/_alias/shop_product_1", "", 404},
		{"HEAD", "/shop_product_1_v1", "", 404},
		{"PUT", "/shop_product_1_v1", `{"settings":{},"mappings":{"properties":{}}}`, 200},
		{"PUT", "/shop_product_1_v1", "", 400},
		{"PUT", "/shop_product_1_v1/_mapping", `{"properties":{"name":{"type":"text"}}}`, 200},
		{"POST", "/_bulk", `{"index":{"_id":"1","_index":"shop_product_1_v1"}}` + "\n" + `{"name":"Bag","price_0_1":34.5,"category_ids":[2,4],"visibility":4}` + "\n" +
			`{"index":{"_id":2,"_index":"shop_product_1_v1"}}` + "\n" + `{"name":["Red shirt","XL"],"price_0_1":12,"category_ids":[2],"visibility":1}` + "\n", 200},
		{"POST", "/_aliases", `{"actions":[{"add":{"alias":"shop_product_1","index":"shop_product_1_v1"}}]}`, 200},
		{"HEAD", "/_alias/shop_product_1", "", 200},
		{"GET", "/shop_product_1_v1/_alias", "", 200},
		{"POST", "/shop_product_1/_refresh", "", 200},
		{"HEAD", "/shop_product_1", "", 200},
		{"POST", "/gone/_search", "{}", 404},
		{"POST", "/shop_product_1/_search", "{", 400},
		{"POST", "/_reindex", "{}", 400},
	} {
		if status, answer := do(t, server, step.method, step.path, step.body); status != step.status {
			t.Errorf("%s %s: %d %v, want %d", step.method, step.path, status, answer, step.status)
		}
	}
	if got := len(service.indexes["shop_product_1_v1"].documents); got != 2 {
		t.Errorf("%d documents, want 2", got)
	}
	queries(t, server)
	if status, _ := do(t, server, "DELETE", "/shop_product_1_v1", ""); status != 200 {
		t.Errorf("DELETE: %d", status)
	}
	if status, _ := do(t, server, "HEAD", "/_alias/shop_product_1", ""); status != 404 {
		t.Errorf("the alias of a removed index is there: %d", status)
	}
}

// queries asks for documents as pages do.
func queries(t *testing.T, server *httptest.Server) {
	for name, test := range map[string]struct {
		query string
		want  []string
	}{
		"all":                 {`{}`, []string{"1", "2"}},
		"by category":         {`{"query":{"bool":{"must":[{"term":{"category_ids":4}}]}}}`, []string{"1"}},
		"by several":          {`{"query":{"terms":{"visibility":["2","4"]}}}`, []string{"1"}},
		"by id":               {`{"query":{"ids":{"values":[2]}}}`, []string{"2"}},
		"by a field _id":      {`{"query":{"bool":{"filter":{"terms":{"_id":["2"]}}}}}`, []string{"2"}},
		"by price":            {`{"query":{"range":{"price_0_1":{"gte":"10","lte":"20"}}}}`, []string{"2"}},
		"by word":             {`{"query":{"bool":{"should":[{"match":{"name":{"query":"SHIRT","boost":2}}}],"minimum_should_match":1}}}`, []string{"2"}},
		"by any field":        {`{"query":{"multi_match":{"query":"bag xyz"}}}`, []string{"1"}},
		"by none":             {`{"query":{"match":{"name":"trousers"}}}`, nil},
		"should beside must":  {`{"query":{"bool":{"must":[{"term":{"category_ids":2}}],"should":[{"match":{"name":"nothing"}}]}}}`, []string{"1", "2"}},
		"must not":            {`{"query":{"bool":{"must_not":[{"term":{"visibility":1}}]}}}`, []string{"1"}},
		"a kind not known":    {`{"query":{"geo_distance":{"x":1}}}`, []string{"1", "2"}},
		"the second page":     {`{"from":1,"size":1}`, []string{"2"}},
		"only its aggregates": {`{"size":0,"aggregations":{"price":{"extended_stats":{"field":"price_0_1"}}}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := do(t, server, "POST", "/shop_product_1/_search", test.query)
			if status != 200 {
				t.Fatalf("%d %v", status, answer)
			}
			var got []string
			for _, hit := range hitsOf(answer) {
				got = append(got, hit.(map[string]any)["_id"].(string))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(test.query, "aggregations") {
				if _, ok := answer["aggregations"].(map[string]any)["price"]; !ok {
					t.Errorf("no aggregation: %v", answer)
				}
			}
		})
	}
}
