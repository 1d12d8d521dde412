// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: which dmaengine providers to believe, and how far
 *
 * A folio is marked as copied because an engine said so, and freed because an
 * engine is through with it. dmaengine leaves both to the provider: a client
 * that asks for a result gets DMA_TRANS_NOERROR where a driver has none to give,
 * and whether anything has come to rest when dmaengine_terminate_sync() returns
 * is nowhere defined. So each driver was read, in Linux 7.3, for two questions:
 *
 *   Does a result of NOERROR prove that the bytes have been copied?
 *   Does terminate, with synchronize, prove that the engine is silent?
 *
 * The answer is no unless the code shows otherwise. A driver that is not in this
 * table, or whose results prove nothing or come at a risk, is used only when it is named in the
 * parameter "trust", and never counts as stoppable then.
 */

#include <linux/array_size.h>
#include <linux/ctype.h>
#include <linux/string.h>

#include "dcbm.h"

static const struct dcbm_provider dcbm_providers[] = {
	{
		/*
		 * Result: set for every descriptor by the thread that made the
		 * copy. Terminate: marks the descriptor that is being copied;
		 * synchronize waits until the thread has dropped it. Aborted:
		 * said by that thread, when it has stopped copying.
		 */
		.name = "dmasim",
		.results = true,
		.abort_quiet = true,
		.terminate_quiet = true,
	}, {
		/*
		 * dmasim with quiet=N. Result: as above, of a late descriptor
		 * when it has been written. Terminate: does not keep a late one
		 * from being written.
		 */
		.name = "dmasim-wild",
		.results = true,
		.abort_quiet = true,
	}, {
		/*
		 * Result: NOERROR if and only if the device wrote DSA_COMP_SUCCESS
		 * into the completion record of this very descriptor. The residue
		 * is not initialised.
		 * Terminate: takes the callbacks away first, then has the work
		 * queue drained; the outcome of the drain is not looked at, and
		 * a device that hangs does not drain.
		 * Not believed in spite of its results, because clients do not
		 * survive it: the channel is freed when its work queue loses
		 * its driver, on a bus of its own and by a reset of the device,
		 * too, whoever holds the channel.
		 * Depth: prep sleeps when the pool of the work queue is empty,
		 * for ever if the device hangs. The pool's size is the admin's
		 * choice and is told to nobody.
		 */
		.name = "idxd",
		.depth = 1,
	}, {
		/*
		 * Result: descriptors complete in order, as far as the hardware's
		 * completion address says; that the client is given no result
		 * for them means success, because a failed one halts the channel
		 * and is reported with READ_FAILED or WRITE_FAILED.
		 * Terminate: there is none. Aborted is no proof of silence: a
		 * channel without progress has its descriptors aborted before it
		 * is reset (ioat_reboot_chan()).
		 */
		.name = "ioatdma",
		.results = true,
	}, {
		/*
		 * Result: NOERROR if and only if the device has taken the valid
		 * flag out of this very descriptor and set that of success. A
		 * lock is held from prep to submit, and in callbacks.
		 * Terminate: there is none. Aborted is said after a pause of the
		 * engine that may have timed out.
		 */
		.name = "plx_dma",
		.results = true,
	}, {
		/*
		 * Result: the status of the next completion entry. Entries do not
		 * tell whether they are new, so that an interrupt too many takes
		 * an old success for the next one's. A failed descriptor is never
		 * completed. Terminate: pauses the queue and does not wait until
		 * it stands.
		 */
		.name = "hisi_dma",
	}, {
		/* Result: never given, a failed copy is not noticed. Terminate: none. */
		.name = "mv_xor_v2",
	}, {
		/*
		 * Result: never given; a descriptor of a faulting engine is
		 * completed like a good one. Terminate: asks the engine to stop,
		 * and does not wait until it has.
		 */
		.name = "dma-pl330",
	}, {
		/*
		 * Result: NOERROR if and only if the completion interrupt of the
		 * descriptor's last command has come, with no error in the
		 * status; the engine takes one descriptor's commands at a time,
		 * in order, and no other command interrupts. A failed read or
		 * write is told of a command that was alone in the ring; if
		 * others were behind it, aborted, once the queue has halted.
		 * Terminate: returns 0 when the queue has halted, and an error
		 * otherwise. That the halt bit means silence is the header's
		 * word, which nobody here has seen hardware keep: it is not
		 * believed, neither after terminate nor after aborted.
		 */
		.name = "ptdma",
		.results = true,
	}, {
		/*
		 * Result: pt_cmd.ret, where DMA_ERROR would come from, is 0
		 * always, and the callback is given no result: a failed copy is
		 * reported as good. Terminate: turns the queue off, does not wait
		 * until it stands, and frees what the engine works on.
		 * Depth: issue_pending starts a single descriptor, and spins
		 * until the one before it is through.
		 */
		.name = "ae4dma",
		.depth = 1,
	}, {
		/*
		 * Result: a descriptor that completes out of order is reported
		 * later with the status of another one.
		 * Terminate: pauses, waits for 60 ms and resets; whether the
		 * channel obeyed is not looked at.
		 */
		.name = "switchtec_dma",
	}, {
		/*
		 * Result: NOERROR for as many descriptors of the chain, from its
		 * first, as the channel has counted, and only while its status
		 * has no error; with one, all that are left of the chain fail.
		 * Failed reads and writes are told when the channel has said
		 * that it is done, else they are aborted, and nothing is started
		 * before it has said so.
		 * Terminate: masks the interrupts and frees the descriptors; the
		 * engine goes on.
		 */
		.name = "xilinx-zynqmp-dma",
		.results = true,
	},
};

/**
 * dcbm_provider_find() - look a provider up
 * @name: name of its driver
 *
 * Return: its entry, or NULL if it has not been reviewed.
 */
const struct dcbm_provider *dcbm_provider_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dcbm_providers); i++)
		if (!strcmp(dcbm_providers[i].name, name))
			return &dcbm_providers[i];
	return NULL;
}

/**
 * dcbm_provider_is_trusted() - has the admin named this provider?
 * @name: name of its driver
 * @trust: names, separated by commas
 *
 * Return: true if so.
 */
bool dcbm_provider_is_trusted(const char *name, const char *trust)
{
	size_t len = strlen(name);
	const char *end;

	for (; *trust; trust = *end ? end + 1 : end) {
		end = strchrnul(trust, ',');
		if (end - trust == len && !memcmp(trust, name, len))
			return true;
	}
	return false;
}

/**
 * dcbm_trust_is_valid() - can this be a list of drivers?
 * @trust: what was given
 *
 * Return: true for names of drivers, one or more characters each, separated by
 * single commas; or nothing at all.
 */
bool dcbm_trust_is_valid(const char *trust)
{
	size_t i, len = strlen(trust);

	for (i = 0; i < len; i++) {
		if (isalnum(trust[i]) || strchr("_-.:", trust[i]))
			continue;
		/* A comma stands between two names. */
		if (trust[i] != ',' || !i || i == len - 1 || trust[i - 1] == ',')
			return false;
	}
	return true;
}
