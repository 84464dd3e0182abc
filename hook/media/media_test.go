package media_test

import (
	"context"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
	"github.com/dingdag/dingdag/hook/media"
)

func mediaFile(name string, data []byte) (string, error) {
	dir, err := os.MkdirTemp("", "media")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, data, 0o600)
}

func operations() map[string]calltest.Operation {
	return map[string]calltest.Operation{
		"media_upload": {Function: "Upload", Multipart: true, Call: func(ctx context.Context, a *hook.App) (any, error) {
			path, err := mediaFile("logo.png", []byte("picture"))
			if err != nil {
				return nil, err
			}
			defer os.RemoveAll(filepath.Dir(path))
			return media.Upload(ctx, a, "image", path)
		}},
	}
}

func TestUploadMedia(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, size int) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, slices.Repeat([]byte{'x'}, size), 0o600))
		return path
	}
	s := calltest.Start(t, calltest.Answering(`{"errcode":0,"type":"file","media_id":"@m1","created_at":1}`))
	a := s.App(t)
	_, err := media.Upload(t.Context(), a, "file", write("报告 1.PDF", 5))
	require.NoError(t, err)
	_, param, err := mime.ParseMediaType(s.Got()[0].ContentType)
	require.NoError(t, err)
	form, err := multipart.NewReader(strings.NewReader(s.Got()[0].Body), param["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)
	assert.Equal(t, []string{"file"}, form.Value["type"])
	file := form.File["media"][0]
	assert.Equal(t, "报告 1.PDF", file.Filename)
	assert.Equal(t, "application/pdf", file.Header.Get("Content-Type"))
	f, err := file.Open()
	require.NoError(t, err)
	data, err := io.ReadAll(f)
	require.NoError(t, err)
	assert.Equal(t, "xxxxx", string(data))

	for _, tt := range []struct{ typ, path, want string }{
		{"voice", write("long.mp3", 2<<20+1), "DingTalk accepts 2097152 as voice"},
		{"image", write("a.svg", 1), `jpg, jpeg, gif, png, bmp as image, not "a.svg"`},
		{"image", write("empty.png", 0), "the file is empty"},
		{"sticker", write("a.png", 1), `"sticker" is unknown; use one of file, image, video, voice`},
		{"image", filepath.Join(dir, "none.png"), "no such file"},
		{"image", dir, "is not a regular file"},
	} {
		_, err := media.Upload(t.Context(), a, tt.typ, tt.path)
		e := calltest.Failed(t, err)
		assert.Equal(t, hook.KindInvalid, e.Kind)
		assert.Contains(t, e.Error(), tt.want)
	}
	assert.Len(t, s.Got(), 1)
}
