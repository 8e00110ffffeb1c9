package harness

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// asServerUser returns the attributes for a PostgreSQL process, which must not run as
// root. The server exits with its parent process.
func asServerUser(folder string) (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() != 0 {
		return attributes, nil
	}
	if err := own(folder); err != nil {
		return nil, err
	}
	uid, gid, err := serverUser()
	attributes.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	return attributes, err
}

// own gives a file or folder to the user of PostgreSQL processes.
func own(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := serverUser()
	if err := errors.Join(err, os.Chown(path, int(uid), int(gid))); err != nil {
		return fmt.Errorf("change the owner of PostgreSQL's files: %w", err)
	}
	return nil
}

// serverUser returns the ids of the user that installed server binaries come with.
func serverUser() (uid, gid uint32, err error) {
	account, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, fmt.Errorf("look up the user for PostgreSQL: %w", err)
	}
	u, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	g, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	return uint32(u), uint32(g), errors.Join(uidErr, gidErr)
}
