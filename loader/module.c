// SPDX-License-Identifier: GPL-2.0
/* modprobe knows the admin's configuration: it is called, not replaced. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "module.h"
#include "sysfs.h"

bool module_name_ok(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			return false;
	return c != name && c - name < 56;
}

static char *parameter_path(const char *name, const char *parameter)
{
	return mgx_printf(MODULE_DIR "/%s/parameters/%s", name, parameter);
}

bool module_present(const char *name)
{
	char *path = mgx_printf(MODULE_DIR "/%s", name);
	bool present = !access(path, F_OK);

	free(path);
	return present;
}

bool module_has(const char *name, const char *parameter)
{
	char *path = parameter_path(name, parameter);
	bool has = !access(path, F_OK);

	free(path);
	return has;
}

char *module_get(const char *name, const char *parameter)
{
	char *path = parameter_path(name, parameter), *value;
	int err;

	value = sysfs_read_path(path);
	err = errno;
	free(path);
	errno = err;
	return value;
}

int module_set(const char *name, const char *parameter, const char *value)
{
	char *path = parameter_path(name, parameter);
	int err = sysfs_write_path(path, value);

	free(path);
	return err;
}

bool module_is_for_taking(const char *parameter)
{
	return !strcmp(parameter, "channels") || !strcmp(parameter, "trust");
}

/* Runs it; what it says goes to @said, which is to be freed. Its status, or -errno. */
static int run(char *const argv[], char **said)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const env[] = { path, NULL };
	posix_spawn_file_actions_t actions;
	char text[1024];
	size_t len = 0;
	int fds[2], err, status;
	ssize_t n;
	pid_t pid;

	*said = NULL;
	if (pipe(fds))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_addclose(&actions, fds[1]);
	setenv("PATH", path + strlen("PATH="), 1);
	err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (err) {
		close(fds[0]);
		return -err;
	}
	while (len < sizeof(text) - 1 && (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fds[0]);
	text[len] = '\0';
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*said = mgx_strdup(text);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int modprobe(struct mgx *mgx, const char *what, const char *name, bool remove)
{
	char program[] = "modprobe", option[] = "-r", *module = mgx_strdup(name), *said;
	char *const load[] = { program, module, NULL };
	char *const unload[] = { program, option, module, NULL };
	int status, ret = 0;

	if (geteuid()) {
		free(module);
		return mgx_fail(mgx, MGX_NO_PERM, "run it as root",
				"%s: module %s: only root %s modules", what, name,
				remove ? "removes" : "loads");
	}
	status = run(remove ? unload : load, &said);
	if (status < 0)
		ret = mgx_fail(mgx, MGX_FAILED, "install kmod", "%s: modprobe: %s", what,
			       mgx_why(status));
	else if (status)
		ret = mgx_fail(mgx, strcasestr(said, "not found") ? MGX_NOT_FOUND : MGX_FAILED,
			       remove ? "the kernel log (dmesg) says who uses it" :
					"the kernel log (dmesg) says why; is it built for this kernel?",
			       "%s: module %s: %s", what, name, *said ? said : "modprobe failed");
	free(said);
	free(module);
	return ret;
}

int module_load(struct mgx *mgx, const char *what, const char *name)
{
	return modprobe(mgx, what, name, false);
}

int module_unload(struct mgx *mgx, const char *what, const char *name)
{
	return modprobe(mgx, what, name, true);
}
