package dingding

import (
	"context"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/media"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// UploadMedia uploads a file, for messages that show it by its media_id.
//
// DingTalk accepts images (jpg, gif, png, bmp) and videos (mp4) of up to 20 MiB, voice (amr,
// mp3, wav) of up to 2 MiB and files (doc, docx, xls, xlsx, ppt, pptx, zip, pdf, rar) of up to
// 20 MiB.
//
// The result has media_id (text), type (text) and created_at (whole number,
// milliseconds).
//
// DingTalk docs: https://open.dingtalk.com/document/development/upload-media-files
type UploadMedia struct {
	// Type is the kind of the file: image, voice, video or file.
	Type string `yaml:"type" param:"required,enum=image|voice|video|file"`
	// Path is the file. A relative one is in the folder of the DAG file, on the machine where
	// the task runs.
	Path string `yaml:"path" param:"required,template"`

	appcall.App
}

// UploadMediaResult is the result of [UploadMedia].
type UploadMediaResult struct {
	MediaID   string `json:"media_id"`
	Type      string `json:"type"`
	CreatedAt int64  `json:"created_at"`
}

var _ params.Validator = (*UploadMedia)(nil)

// Validate checks the ending of the name.
func (o *UploadMedia) Validate() error {
	var c appcall.Checks
	if o.Path == "" {
		c.Required("path", o.Path)
	} else if !yamlvalue.HoldsTemplate(o.Path) {
		c.Add("path", media.Check(o.Type, o.Path, 1))
	}
	return c.Err()
}

// Execute uploads the file and returns an [UploadMediaResult].
func (o *UploadMedia) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*UploadMediaResult, error) {
		path, err := tc.FileInFolder(o.Path)
		if err != nil {
			return nil, err
		}
		m, err := media.Upload(ctx, a, o.Type, path)
		if err != nil {
			return nil, err
		}
		return &UploadMediaResult{MediaID: m.ID, Type: m.Type, CreatedAt: m.CreatedAt}, nil
	})
}

func mediaSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[UploadMedia](p, "dingtalk_upload_media", operator.Example("A picture beside the DAG file", `
type: image
path: logo.png
`)),
	}
}
