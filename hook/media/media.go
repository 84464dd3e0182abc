// Package media uploads files for messages to show.
package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/hook"
)

// uploadTimeout is the least time that one attempt of an upload has.
const uploadTimeout = time.Minute

// Type is a kind of files with DingTalk's rules for it.
type Type struct {
	// MaxBytes bounds a file.
	MaxBytes int64
	// Extensions are the endings of names that DingTalk takes, without dots.
	Extensions []string
}

// Types are the kinds of files that can be uploaded: image, voice, video and file.
func Types() map[string]Type {
	const mib = 1 << 20
	return map[string]Type{
		"image": {20 * mib, []string{"jpg", "jpeg", "gif", "png", "bmp"}},
		"voice": {2 * mib, []string{"amr", "mp3", "wav"}},
		"video": {20 * mib, []string{"mp4"}},
		"file":  {20 * mib, []string{"doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar"}},
	}
}

// Check reports what DingTalk would refuse in a file of a type and size.
func Check(mediaType, name string, size int64) error {
	kind, ok := Types()[mediaType]
	if !ok {
		return fmt.Errorf("the media type %q is unknown; use one of %s", mediaType, strings.Join(slices.Sorted(maps.Keys(Types())), ", "))
	}
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	switch {
	case !slices.Contains(kind.Extensions, ext):
		return fmt.Errorf("DingTalk accepts %s as %s, not %q", strings.Join(kind.Extensions, ", "), mediaType, filepath.Base(name))
	case size == 0:
		return errors.New("the file is empty")
	case size > kind.MaxBytes:
		return fmt.Errorf("the file has %d bytes; DingTalk accepts %d as %s", size, kind.MaxBytes, mediaType)
	}
	return nil
}

// Media names an uploaded file. ID begins with @ and can be used many times.
type Media struct {
	Type string `json:"type"`
	ID   string `json:"media_id"`
	// CreatedAt is in milliseconds.
	CreatedAt int64 `json:"created_at"`
}

// Upload uploads a file, whose name says what it is, for messages that show it by
// its media_id. The file is read into memory: the limits of [Types] are checked
// first. An attempt has a minute, or the connection's timeout if that is longer.
//
// DingTalk docs: https://open.dingtalk.com/document/development/upload-media-files
//
//dingtalk:api POST /media/upload
func Upload(ctx context.Context, a *hook.App, mediaType, path string) (*Media, error) {
	op := fmt.Sprintf("upload %s %q", mediaType, filepath.Base(path))
	data, err := readMedia(mediaType, path)
	if err != nil {
		return nil, a.Invalid(op, err)
	}
	return upload(ctx, a, op, mediaType, filepath.Base(path), data)
}

// UploadData uploads what is in memory, in the same way.
//
//dingtalk:api POST /media/upload
func UploadData(ctx context.Context, a *hook.App, mediaType, name string, data []byte) (*Media, error) {
	op := fmt.Sprintf("upload %s %q", mediaType, name)
	if err := Check(mediaType, name, int64(len(data))); err != nil {
		return nil, a.Invalid(op, err)
	}
	return upload(ctx, a, op, mediaType, name, data)
}

func upload(ctx context.Context, a *hook.App, op, mediaType, name string, data []byte) (*Media, error) {
	form, err := mediaForm(mediaType, name, data)
	if err != nil {
		return nil, a.Invalid(op, err)
	}
	var got Media
	err = a.Do(ctx, hook.Call{
		Op: op, Method: http.MethodPost, Path: "/media/upload", Query: url.Values{"type": {mediaType}}, Raw: form,
		Timeout: uploadTimeout, Safe: true, // a second copy does no harm
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// readMedia reads a file that DingTalk takes. It may grow meanwhile, so the limit holds
// for what is read.
func readMedia(mediaType, path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the caller says which file to send
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if err := Check(mediaType, path, info.Size()); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, Types()[mediaType].MaxBytes+1))
	if err != nil {
		return nil, err
	}
	return data, Check(mediaType, path, int64(len(data)))
}

func mediaForm(mediaType, name string, data []byte) (*hook.RawBody, error) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	if err := form.WriteField("type", mediaType); err != nil {
		return nil, err
	}
	kind := mime.TypeByExtension(filepath.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition("media", name)},
		"Content-Type":        {kind},
	})
	if err != nil {
		return nil, err
	}
	if _, err := part.Write(data); err != nil {
		return nil, err
	}
	if err := form.Close(); err != nil {
		return nil, err
	}
	return &hook.RawBody{ContentType: form.FormDataContentType(), Data: b.Bytes()}, nil
}
