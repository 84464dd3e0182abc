package connections_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

func TestValidateID(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		id   string
		want string // part of the error, "" for a valid id
	}{
		"plain":               {"dingding_default", ""},
		"all the punctuation": {`a#!()-.:/\b_`, ""},
		"other scripts":       {"钉钉_größe_٣", ""},
		"longest":             {strings.Repeat("钉", 250), ""},
		"too long":            {strings.Repeat("a", 251), "251 characters"},
		"empty":               {"", "empty"},
		"space":               {"my conn", `character ' '`},
		"at sign":             {"a@b", `character '@'`},
		"newline at the end":  {"a\n", `character '\n'`},
		"equals sign":         {"a=b", `character '='`},
		"not UTF-8":           {"a\xff", "not allowed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := connections.ValidateID(tt.id)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			_, err = connections.ParseURI(tt.id, "http://host")
			require.ErrorContains(t, err, tt.want)
			_, err = connections.ParseJSON(tt.id, []byte("{}"))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestNormalizeType(t *testing.T) {
	t.Parallel()
	for connType, want := range map[string]string{
		"google-cloud-platform": "google_cloud_platform",
		"postgresql":            "postgres",
		"postgres":              "postgres",
		"dingding":              "dingding",
		"":                      "",
	} {
		assert.Equal(t, want, connections.NormalizeType(connType), connType)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		c    connections.Connection
		want string
	}{
		"all null":         {connections.Connection{ID: "a"}, ""},
		"port 0":           {connections.Connection{ID: "a", Port: new(0)}, ""},
		"highest port":     {connections.Connection{ID: "a", Port: new(65535)}, ""},
		"object":           {connections.Connection{ID: "a", Extra: secret(`{"a": [1]}`)}, ""},
		"type":             {connections.Connection{ID: "a", Type: "my_Type2.x+y"}, ""},
		"no id":            {connections.Connection{}, "id is empty"},
		"bad type":         {connections.Connection{ID: "a", Type: "my type"}, `connection type "my type"`},
		"port too high":    {connections.Connection{ID: "a", Port: new(65536)}, "port 65536"},
		"negative port":    {connections.Connection{ID: "a", Port: new(-1)}, "port -1"},
		"list":             {connections.Connection{ID: "a", Extra: secret(`["s3cr3t"]`)}, "not a JSON object but a JSON array"},
		"number":           {connections.Connection{ID: "a", Extra: secret(`5`)}, "not a JSON object but a JSON number"},
		"null extra":       {connections.Connection{ID: "a", Extra: secret(`null`)}, "got null"},
		"empty extra":      {connections.Connection{ID: "a", Extra: secret(``)}, "empty or ends too early"},
		"text after it":    {connections.Connection{ID: "a", Extra: secret(`{}s3cr3t`)}, "text after the end"},
		"broken extra":     {connections.Connection{ID: "a", Extra: secret(`{"a": s3cr3t}`)}, "syntax error at byte 7"},
		"several mistakes": {connections.Connection{ID: "a", Port: new(-1), Extra: secret(`5`)}, "port -1 is not between 0 and 65535; extra: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.c.Validate()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "s3cr3t")
		})
	}
}

func TestGetters(t *testing.T) {
	t.Parallel()
	var null connections.Connection
	assert.Empty(t, null.GetDescription()+null.GetHost()+null.GetLogin()+null.GetSchema())
	assert.Empty(t, null.GetPassword().Reveal()+null.GetExtra().Reveal())
	assert.Zero(t, null.GetPort())

	c := connections.Connection{
		Description: new("d"), Host: new("h"), Login: new("l"), Password: secret("p"),
		Schema: new("s"), Port: new(1), Extra: secret("{}"),
	}
	assert.Equal(t, "dhls", c.GetDescription()+c.GetHost()+c.GetLogin()+c.GetSchema())
	assert.Equal(t, "p{}", c.GetPassword().Reveal()+c.GetExtra().Reveal())
	assert.Equal(t, 1, c.GetPort())
}

func secret(text string) *connections.Secret { return new(connections.Secret(text)) }
