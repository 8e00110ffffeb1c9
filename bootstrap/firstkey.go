package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// adminKeySuffix follows the name of the SQLite file in the name of the file that holds the
// first admin key.
const adminKeySuffix = ".admin-key"

// makeAdminKey is the command that makes an admin key.
const makeAdminKey = "signalbox key create --role admin"

// firstKey creates the first admin key of a database, and passes it to the operator alone:
// by a terminal, or by a file that only the owner reads. A key is never logged, and none is
// created that cannot be passed on.
type firstKey struct {
	settings settings.Settings
	keys     *accessapp.Service
	out      Output
}

func (f firstKey) create(ctx context.Context) error {
	if !f.settings.FirstKey.IsZero() {
		return f.createGiven(ctx)
	}
	exists, err := f.keys.Any(ctx)
	switch {
	case err != nil || exists:
		return err
	case f.out.Terminal:
		return f.createPrinted(ctx)
	case f.settings.Database.SQLite == "" || f.settings.Database.SQLite == bunstore.Memory:
		f.out.Log.Warn("no API keys; create an admin key", zap.String("command", makeAdminKey))
		return nil
	}
	return f.createInFile(ctx, f.settings.Database.SQLite+adminKeySuffix)
}

// createGiven creates the key of BOOTSTRAP_ADMIN_KEY.
func (f firstKey) createGiven(ctx context.Context) error {
	_, created, err := f.keys.First(ctx, f.settings.FirstKey.Text)
	if err != nil || created {
		return err
	}
	_, invalid := f.keys.Authenticate(ctx, f.settings.FirstKey.Reveal(), nil)
	f.out.Log.Warn("BOOTSTRAP_ADMIN_KEY ignored: the database has API keys; remove the setting, and create keys with "+
		"the command", zap.String("command", makeAdminKey), zap.Bool("key_accepted", invalid == nil))
	return nil
}

func (f firstKey) createPrinted(ctx context.Context) error {
	token, created, err := f.keys.First(ctx, secret.Text{})
	if err != nil || !created {
		return err
	}
	_, err = fmt.Fprintf(f.out.Out, "admin key: %s\n(shown this once; create others with 'signalbox key create')\n",
		token.Reveal())
	if err != nil {
		return fmt.Errorf("print the key: %w", err)
	}
	return nil
}

// createInFile writes the key to a file before the database accepts it, so that no key is
// lost. An existing file is kept.
func (f firstKey) createInFile(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, ownerOnly) //nolint:gosec // the operator's path
	if err != nil {
		why := "not writable"
		if errors.Is(err, fs.ErrExist) {
			why = "exists already"
		}
		f.out.Log.Warn("no API keys; create an admin key", zap.String("command", makeAdminKey),
			zap.String("file", path), zap.String("reason", why))
		return nil
	}
	created, err := f.createWritten(ctx, file)
	if err = errors.Join(err, file.Close()); err != nil || !created {
		return errors.Join(err, os.Remove(path))
	}
	f.out.Log.Info("admin key created; read it from the file and delete that", zap.String("file", path))
	return nil
}

// ownerOnly is the mode of a file that only its owner reads.
const ownerOnly fs.FileMode = 0o600

func (f firstKey) createWritten(ctx context.Context, file *os.File) (bool, error) {
	token, err := f.keys.Draw()
	if err != nil {
		return false, err
	}
	if _, err := fmt.Fprintln(file, token.Reveal()); err != nil {
		return false, fmt.Errorf("write %s: %w", file.Name(), err)
	}
	if err := file.Sync(); err != nil {
		return false, fmt.Errorf("write %s: %w", file.Name(), err)
	}
	_, created, err := f.keys.First(ctx, token)
	return created, err
}
