/* Counts the instructions that a program executes under qemu-user. A QEMU plugin (API version 1: QEMU 4.2 to 8.2).
 *
 * The program calls prctl(MARK, n): one line "n INSTRUCTIONS DOT_PRODUCTS" goes to the file named by out=FILE.
 * Only aarch64 guests: every instruction is 4 bytes. One counter serves all threads without a lock, so the marked
 * part must run in one.
 *
 * The few declarations stand here because Debian ships the header in the source package alone, 130 MB of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define MARK 0x4d49454e /* "MIEN" */
#define SYSCALL_PRCTL 167
#define ADD_U64 0 /* the one inline operation that there is */

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void on_translation(plugin_id, struct qemu_plugin_tb *);
typedef void on_syscall(plugin_id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                        uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, on_translation *);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, on_syscall *);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int operation, void *counter, uint64_t amount);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);

EXPORT int qemu_plugin_version = 1;

static FILE *out;
static uint64_t executed, dot_products;

/* SDOT and UDOT, by vector and by element: what XNNPACK's int8 kernels use where the processor has them. */
static int is_dot_product(uint32_t word)
{
    uint32_t by_vector = word & 0x9f20fc00, by_element = word & 0x9f00f400;
    return by_vector == 0x0e009400 || by_element == 0x0f00e000;
}

static void count_block(plugin_id id, struct qemu_plugin_tb *block)
{
    size_t length = qemu_plugin_tb_n_insns(block), dots = 0;
    (void)id;
    for (size_t i = 0; i < length; i++) {
        uint32_t word;
        memcpy(&word, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(block, i)), sizeof word);
        dots += is_dot_product(word);
    }
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &executed, length);
    if (dots)
        qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &dot_products, dots);
}

static void write_mark(plugin_id id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                       uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)vcpu, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number != SYSCALL_PRCTL || a1 != MARK)
        return;
    fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", a2, executed, dot_products);
    fflush(out);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "out=", 4) == 0)
            out = fopen(argv[i] + 4, "w");
    if (!out)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    qemu_plugin_register_vcpu_syscall_cb(id, write_mark);
    return 0;
}
