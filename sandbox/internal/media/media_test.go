package media_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestMediaUpload(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	got := boxtest.Read[struct {
		Code      int    `json:"errcode"`
		ID        string `json:"media_id"`
		Type      string `json:"type"`
		CreatedAt int64  `json:"created_at"`
	}](t, o.Upload(t, "image", "image", "图.PNG", "pixels"))
	assert.Equal(t, boxtest.Moment.UnixMilli(), got.CreatedAt)
	assert.Regexp(t, "^@lA", got.ID)
	m, err := o.Media(got.ID)
	require.NoError(t, err)
	assert.Equal(t, sandbox.Media{ID: got.ID, Type: "image", Name: "图.PNG", ContentType: "image/png", Content: []byte("pixels"), Size: 6}, m)
	_, err = o.Media("x")
	require.ErrorIs(t, err, sandbox.ErrNotFound)

	tests := map[string]struct {
		query, form, name, content string
		code                       int
	}{
		"unknown type":  {"picture", "picture", "a.png", "x", 40004},
		"no query":      {"", "image", "a.png", "x", 40004},
		"no form":       {"image", "", "a.png", "x", 0},
		"two types":     {"image", "file", "a.png", "x", 40004},
		"extension":     {"image", "image", "a.pdf", "x", 40005},
		"no extension":  {"file", "file", "pdf", "x", 40005},
		"empty":         {"image", "image", "a.png", "", 40006},
		"too large":     {"voice", "voice", "a.mp3", strings.Repeat("x", 2<<20+1), 40006},
		"large enough":  {"voice", "voice", "a.mp3", strings.Repeat("x", 2<<20), 0},
		"a larger file": {"file", "file", "a.zip", strings.Repeat("x", 20<<20), 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.code, boxtest.Read[boxtest.Reply](t, o.Upload(t, tt.query, tt.form, tt.name, tt.content)).Code)
		})
	}
	_, plain := o.Do(t, http.MethodPost, "/media/upload?access_token="+o.Token+"&type=image", "{}")
	assert.Equal(t, 43008, boxtest.Read[boxtest.Reply](t, plain).Code)
}
