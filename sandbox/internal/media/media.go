// Package media takes the files that apps upload.
package media

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// keepMedia is how many files are kept; the oldest go first.
const keepMedia = 100

// Service answers the upload.
type Service struct {
	core  *core.Core
	media []*Media
}

// New adds the upload and the route of files to a core.
func New(c *core.Core) *Service {
	s := &Service{core: c}
	c.ServeEndpoints(s.mediaCalls()...)
	c.API("GET /sandbox/api/media/{id}", func(r *http.Request) (any, error) { return s.Media(r.PathValue("id")) })
	return s
}

// Media is a file that was uploaded.
type Media struct {
	ID string `json:"id"`
	// Type is image, voice, video or file.
	Type        string `json:"type"`
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Content     []byte `json:"-"`
	// Size is the length of Content.
	Size int `json:"size"`
}

// mediaRule is what DingTalk takes of one type.
type mediaRule struct {
	maxBytes   int
	extensions []string
}

func mediaRules() map[string]mediaRule {
	return map[string]mediaRule{
		"image": {20 << 20, []string{"jpg", "gif", "png", "bmp"}},
		"voice": {2 << 20, []string{"amr", "mp3", "wav"}},
		"video": {20 << 20, []string{"mp4"}},
		"file":  {20 << 20, []string{"doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar"}},
	}
}

func (s *Service) mediaCalls() []core.Endpoint {
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/upload-media-files
		{
			Name: "media.upload", Method: http.MethodPost, Path: "/media/upload", Scope: "qyapi_base",
			Query: core.Params{core.May("type", core.AText)}, OwnBody: true, Do: s.mediaUpload,
		},
	}
}

// mediaUpload wants the type in the query, where public clients send it, and takes the same
// in the form. The real call refuses a type in the form alone. What a file is, its name says.
func (s *Service) mediaUpload(req *core.AppRequest) (any, *core.Refusal) {
	m, r := readMedia(req)
	if r != nil {
		return nil, r
	}
	form := m.Type
	m.Type = req.Text("type")
	rule, known := mediaRules()[m.Type]
	extension := strings.ToLower(strings.TrimPrefix(path.Ext(m.Name), "."))
	switch {
	case !known || form != "" && form != m.Type:
		return nil, core.Refuse(40004)
	case !slices.Contains(rule.extensions, extension):
		return nil, core.Refuse(40005)
	case m.Size == 0 || m.Size > rule.maxBytes:
		return nil, core.Refuse(40006)
	}
	m.ID = "@lA" + s.core.Code(20)
	s.media = core.Last(append(s.media, m), keepMedia)
	return core.Object{"type": m.Type, "media_id": m.ID, "created_at": req.At.UnixMilli()}, nil
}

func readMedia(req *core.AppRequest) (*Media, *core.Refusal) {
	mediaType, attributes, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" {
		return nil, core.Refuse(43008)
	}
	m := &Media{}
	parts := multipart.NewReader(bytes.NewReader(req.Raw), attributes["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // NextPart returns it as it is
			return m, nil
		}
		if err != nil {
			return nil, core.Refuse(43008)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, core.Refuse(43008)
		}
		switch part.FormName() {
		case "type":
			m.Type = string(content)
		case "media":
			m.Name, m.ContentType = part.FileName(), part.Header.Get("Content-Type")
			m.Content, m.Size = content, len(content)
		}
	}
}

// Media returns the file with a media id, or an error that wraps [ErrNotFound]. The
// caller must not change the content.
func (s *Service) Media(id string) (Media, error) {
	s.core.Lock()
	defer s.core.Unlock()
	if m := core.Find(s.media, func(m *Media) bool { return m.ID == id }); m != nil {
		return *m, nil
	}
	return Media{}, fmt.Errorf("media %q: %w", id, core.ErrNotFound)
}
