"""What is known of hyperparameters by their names: what is worth tuning, in which range, and what is left alone.

A rule holds for a name whose words match: "batchSize", "batch-size" and "model.batch_size" are all "batch_size", the
last part of a dotted name. The first rule that matches says what becomes of an option, so what is narrow
          stands first.
A range is meant as a first one: trials outside of it are a matter of widening it.

Sources, by the letters in the table:
    B  Bengio (2012), "Practical recommendations for gradient-based training of deep architectures", 3.1-3.3
    C  Choi et al. (2019), "On empirical comparisons of optimizers for deep learning", appendix D
    G  Godbole et al. (2023), "Deep Learning Tuning Playbook"
    S  Szegedy et al. (2016), "Rethinking the Inception architecture", 7: label smoothing; Müller et al. (2019)
    H  Srivastava et al. (2014), "Dropout"; Huang et al. (2016), "Deep networks with stochastic depth"
    P  Andrychowicz et al. (2021), "What matters for on-policy deep actor-critic methods?", appendix
    W  Zhang et al. (2018), "mixup"; Yun et al. (2019), "CutMix"; Wightman et al. (2021), "ResNet strikes back"
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from danlu.drafts.option import Kind
from danlu.drafts.shape import Between, Counted, Doubled, Levels, Listed, Scaled, Shape, Switched

ANY: Final = frozenset[Kind](("float", "int", "bool", "text"))
NUMBERS: Final = frozenset[Kind](("float", "int"))
FLOAT, INT, BOOL, TEXT = (frozenset[Kind]((kind,)) for kind in ("float", "int", "bool", "text"))
NOT_FLOAT: Final = ANY - FLOAT


@dataclass(frozen=True)
class Rule:
    """What becomes of options of some names.

    Attributes:
        name: patterns of words that stand in the name, apart from each other; behind a = they are the whole name.
        kinds: of the options it holds for.
        shape: what is tried; None if the option is left alone.
        rank: how much it usually matters: 0 the learning rate, 1 nearly always, 2 often, 3 sometimes, 4 only
          if asked.
        why: why it is left alone, or tried so.
        help: a pattern that must stand in the option's help as well.
    """

    name: str
    kinds: frozenset[Kind]
    shape: Shape | None
    rank: int
    why: str
    help: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern of a name that it is for."""
        words = re.sub(r"\|\s+", "|", self.name).split()
        anywhere = "|".join(word for word in words if not word.startswith("="))
        whole = "|".join(word[1:] for word in words if word.startswith("="))
        return re.compile(rf"(?:.*_)?(?:{anywhere})(?:_.*)?|(?:{whole})" if anywhere else whole)

    def holds(self, name: str, kind: Kind, help: str) -> bool:
        """Whether it is for an option of this name, kind and help."""
        if kind not in self.kinds or self.pattern.fullmatch(name) is None:
            return False
        return not self.help or re.search(self.help, help, re.IGNORECASE) is not None


def _left(name: str, kinds: frozenset[Kind], why: str, help: str = "") -> Rule:
    return Rule(name, kinds, None, 9, why, help)


_RUNS = "says what the script does, not how it trains"
_SEED = "the best of several seeds is luck"
_WHERE = "where it runs, not what it learns"
_SPEED = "speed and memory: choose it once for all trials"
_LOADS = "how data are loaded"
_TELLS = "what is written and when"
_PATH = "a file, a folder or an address"
_JUDGES = "how a model is judged, not how it is trained"
BUDGET = "the budget of a training, the same for all trials"
_TASK = "belongs to the data or the task"
_MODEL = "which model: a study for each"
_FOLLOWS = "follows the learning rate or the budget"
_NO_ROLLOUT = r"\A(?!.*(?:rollout|environment|per (?:policy|update|iteration)|update the policy)).*\Z"

_SIZES = Doubled(2, 1)  # four times smaller to twice as large: a width of four times costs sixteen times as much

LEFT: Final = (
    _left(r"""help version dry_run dryrun smoke_test fast_dev_run overfit\w* dummy sanity force overwrite
          push_to_hub hub mode command action do_\w+ =train skip_\w+ clean interactive yes confirm only stage""",
          TEXT | BOOL, _RUNS),
    _left(r"seed seeds manual_?seed random_state rng", ANY, _SEED),
    _left(r"""no_cuda no_mps no_gpu no_accel\w* =accel accelerator cuda gpu gpus gpu_ids? ngpu n_gpus? cpu cpus
          mps tpu\w* =(?:\w+_)?devices? =device_\w+ num_nodes =nodes =rank local_?rank node_rank machine_rank
          world_?size
          =dist distributed dist_\w+ \w*ddp\w* fsdp backend port host master_\w+ multiprocessing\w* nproc\w* slurm\w*
          launcher
          sync_?bn deepspeed sharding =strategy =trainer synchronize_\w+ num_machines""", NOT_FLOAT, _WHERE),
    _left(r"""amp\w* fp16 bf16 fp8 tf32 half precision dtype \w*compile\w* jit torchscript fuser channels_last
          deterministic benchmark cudnn\w* grad_checkpoint\w* gradient_checkpoint\w* use_checkpoint flash\w*
          mixed_precision apex loss_scale quantiz\w* load_in_\w+ fast_norm cache_\w+ use_cache grad_accum\w*
          gradient_accum\w* micro_batch\w* accumulate\w* accum_\w+""",
          ANY, _SPEED),
    _left(r"""workers? n_?workers nworkers threads? jobs n_cpu num_proc prefetch\w* no_prefetcher pin_mem\w*
          persistent\w* use_multi_epochs_loader preload dataloader\w*""", NOT_FLOAT, _LOADS),
    _left(r"drop_last shuffle repeat replacement", BOOL, _LOADS),
    _left(r"""wandb\w* tensorboard\w* tb mlflow comet neptune clearml tags? notes =exp exp_?name experiment\w*
          run_?name =name project_?name =project entity verbose verbosity debug quiet silent profile profiler =track
          tracking video\w* callbacks? capture_\w+ display\w* vis visdom visuali\w+ plot\w* progress\w*
          print\w* report_to
          monitor no_html html summary""",
          ANY, _TELLS),
    _left(r"log logs logger logging\w* log_\w+ \w+_log", NOT_FLOAT, _TELLS),
    _left(r"""(?:eval|val|valid|validation|test|save|saving|checkpoint|ckpt|sample|sampling|image|hist|recovery|
          report|snapshot|
          vis|print)_(?:\w+_)?(?:interval|freq|frequency|every|period|steps|iters?|epochs?|n) (?:save|eval|
          test)_every\w*
          save_\w+ \w*always_save\w* checkpoint_hist check_val_\w+ \w*_save every_n_\w+""", NOT_FLOAT, _TELLS),
    _left(r"""=eval evals evaluate eval_\w+ \w+_eval evaluation\w* =test testing test_\w+ =val valid validation
          val_\w+ validation_\w+ valid_\w+ predict inference infer infer_\w+ generate generation\w* num_beams
          sample_\w+
          tta metric metrics iou_\w+ conf_thres\w* nms\w*""", ANY, _JUDGES),
    _left(r"""dir dirs dirname directory folder folders path paths file files filename root dataroot outf =out
          output outputs ckpt checkpoint checkpoints url uri prefix suffix cache load\w* resume\w* restore\w* reload
          import export\w* config cfg config_file conf yaml json csv download saved? save_model init_checkpoint
          initial_checkpoint continue\w* no_resume_\w+ opts tokenizer\w* token auth\w* trust_\w+ remote\w* net_?[gd]""",
          TEXT | BOOL, _PATH),
    _left(r"(?:start|first|begin|initial|last)_(?:epoch|step|iter|iteration)\w* epoch_count", ANY, _RUNS),
    _left(r"patience", INT, "early stopping is the study's: steps = N stops bad trials", "early|stop"),
    _left(r"early_stop\w* stop_\w+", ANY, "early stopping is the study's: steps = N stops bad trials"),
    _left(r"""min_lr lr_min eta_min end_lr final_lr lr_final min_learning_rate warmup_lr lr_base_\w+ lr_noise\w*
          lr_cycle\w* lr_k_decay warmup_prefix lr_decay_(?:iters|steps|epochs) lr_policy_\w+ niter_decay
          n_epochs_decay
          decay_(?:epochs|steps|iters|milestones) milestones lr_drop lr_steps? cooldown\w* step_size lr_step_size
          lr_milestones sched_on_updates anneal_steps""", ANY, _FOLLOWS),
    _left(r"""=(?:(?:num|n|max|min|total|nb|train|training|env|global)_)*(?:n?_?epochs?|n?_?iters?|iterations?|
          timesteps|time_steps|
          frames|updates|episodes|max_time\w*|samples_seen|steps)""", NUMBERS, BUDGET, _NO_ROLLOUT),
    _left(r"""classes num_?class\w* n_?class\w* vocab\w* input_?(?:size|dim|shape|channels|length|nc) =labels
          num_labels output_?(?:size|dim|shape|channels|nc) in_?(?:dim|features|channels|chans|size)
          out_?(?:dim|features|channels|chans|size) im_?size imgsz (?:img|image)_?(?:size|dim|height|width) =height
          resolution crop\w* load_size block_size seq_?len\w* sequence_len\w* max_(?:seq_)?len\w* max_\w+_length
          context_len\w* context_size =context n_ctx max_position\w* bptt =nc =n_channels =num_channels
          =channels obs_\w+
          state_dim action_dim""", ANY, _TASK),
    _left(r"""=mean =std interpolation subset split splits \w+_split fold folds n_splits
          num_(?:train_|val_|test_)?samples max_\w*samples limit_\w+ dataset\w*""", NOT_FLOAT, _TASK),
    _left(r"""data data_\w+ datasets task\w* lang language\w* env env_id env_name gym_id game domain source
          target direction class_map input_\w+ target_\w+ preprocess\w* column\w* \w+_column text_\w+ \w+_image""",
          TEXT | BOOL, _TASK),
    _left(r"""pretrained\w* from_scratch init_from weights model_name\w* =model models arch architecture
          backbone encoder_name =net =network model_type variant =policy checkpoint_\w+ freeze\w* frozen\w*""",
          TEXT | BOOL, _MODEL),
    _left(r"buffer_size replay_size memory_size", INT, "memory: choose it once for all trials"),
    _left(r"num_?envs n_envs nenvs", INT, "how many environments run side by side"),
    _left(r"kernel\w* patch_size stride groups dilation", INT, "changes shapes: tune it with values that fit"),
)  # fmt: skip
"""What is left alone, and why."""

TUNED: Final = (
    # reinforcement learning
    Rule(r"gamma discount\w*", FLOAT, Levels((0.9, 0.95, 0.98, 0.99, 0.995, 0.999)), 1, "P", "discount|reward"),
    Rule(r"gae\w* lam lambda_gae gae_lambda td_lambda", FLOAT, Between(0.8, 1.0), 2, "P"),
    Rule(r"clip_coef clip_range clip_param ppo_clip clip_ratio clip_eps\w*", FLOAT, Between(0.1, 0.5), 2, "P"),
    Rule(r"ent\w*_coef\w* ent_coef entropy\w*", FLOAT,
         Scaled(100, 10, near_zero=(1e-4, 1e-3, 1e-2, 1e-1), usual=(1e-5, 1e-1)), 2, "P"),
    Rule(r"vf_coef value_coef\w* value_loss_coef\w* critic_coef", FLOAT, Scaled(4, 4), 3, "P"),
    Rule(r"num_steps n_steps rollout\w* horizon", INT, Doubled(2, 2), 2, "P"),
    Rule(r"num_minibatches n_minibatches nminibatches", INT, Doubled(2, 2), 3, "P"),
    Rule(r"""update_epochs ppo_epochs? k_epochs noptepochs optimization_epochs num_sgd_iter""",
          INT, Counted(4, 4), 2, "P"),
    Rule(r"target_kl", FLOAT, Scaled(10, 10, usual=(0.003, 0.3)), 3, "P"),
    Rule(r"tau polyak", FLOAT, Scaled(10, 10, ceiling=1.0, least=1), 2, "", "target|smooth|polyak|soft|^$"),
    Rule(r"exploration_fraction start_e end_e eps_\w+ epsilon_\w+ exploration_\w+", FLOAT, Between(0.01, 0.5), 3, ""),
    Rule(r"policy_noise noise_clip exploration_noise action_noise\w*", FLOAT, Scaled(10, 4), 3, ""),
    Rule(r"""learning_starts target_\w*(?:freq\w*|interval|update\w*) train_freq\w* policy_freq\w*""",
          INT, Counted(4, 4), 3, ""),
    # optimisation
    Rule(r"lr_mult\w* \w+_lr_mult lr_scale", FLOAT, Scaled(10, 10, usual=(0.1, 10.0)), 2, ""),
    Rule(r"warmup\w* num_warmup\w* warm_?up", FLOAT, Between(0.0, 0.2), 2, "G"),
    Rule(r"(?:\w+_)?warmup_(?:epochs?) warm_?up warmup", INT, Counted(4, 4, from_zero=5), 2, "G"),
    Rule(r"(?:\w+_)?warmup\w*", INT, Counted(4, 4), 2, "G"),
    Rule(r"=lr\d? =\w+_lr =lr_(?:base|max|init|peak|\w{1,3}) =(?:\w+_)?learning_?rate(?:_\w{1,9})? =eta =blr",
          FLOAT,
         Scaled(100, 100, ceiling=1.0, usual=(1e-5, 1e-1)), 0, "B, G"),
    Rule(r"wd weight_?decay \w*weight_decay decay_weight l2 l2_reg\w* l2_\w+", FLOAT,
         Scaled(100, 100, ceiling=0.3, least=3, near_zero=(1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1), usual=(1e-6, 0.1)),
         1, "G"),
    Rule(r"l1 l1_reg\w*", FLOAT, Scaled(100, 100, near_zero=(1e-6, 1e-5, 1e-4, 1e-3), usual=(1e-6, 1e-2)), 3, ""),
    Rule(r"(?:bn|batch_?norm)_momentum", FLOAT, Between(0.01, 0.3), 4, ""),
    Rule(r"beta_?2 adam_?beta_?2 b2 beta2", FLOAT, Levels((0.9, 0.95, 0.98, 0.99, 0.999)), 3, "C"),
    Rule(r"beta_?1 adam_?beta_?1 b1 momentum nesterov_momentum mom", FLOAT,
         Levels((0.5, 0.8, 0.9, 0.95, 0.98, 0.99)), 2, "B, C"),
    Rule(r"(?:\w+_)?eps epsilon adam_eps\w* opt_eps", FLOAT,
         Scaled(100, 1e4, ceiling=1.0, usual=(1e-10, 1e-2)), 3, "C", "adam|optim|numeric|^$|stability"),
    Rule(r"""(?:grad_?|gradient_?|max_?)?(?:clip\w*_?)?(?:grad_)?norm clip grad_?clip\w* clip_?grad\w*
          gradient_?clip\w* max_?grad\w* clip_?norm clip_?value""", FLOAT,
         Scaled(10, 10, near_zero=(0.1, 0.5, 1.0, 5.0), usual=(0.1, 10.0)), 2, "G"),
    Rule(r"batch_?size bs batch train_batch_?size \w*_batch_size batch_size_\w+ minibatch_?size mini_batch\w*", INT,
         Doubled(2, 2, usual=(16, 32, 64, 128, 256)), 1, "G"),
    Rule(r"opt optim optimizer optimiser optimizer_\w+ opt_type solver", TEXT, Listed(), 1, "G"),
    Rule(r"""sched scheduler schedule lr_sched\w* lr_schedule\w* lr_scheduler\w* lr_policy lr_decay lr_mode
          scheduler_\w+""", TEXT,
         Listed(), 2, "G"),
    Rule(r"\w*smoothing\w* label_smooth\w*", FLOAT, Between(0.0, 0.2), 1, "S"),
    # schedule
    Rule(r"""gamma lr_gamma decay_rate lr_decay lr_decay_rate lr_decay_factor lr_factor sched_gamma =factor
          lr_step_gamma""", FLOAT,
         Between(0.1, 1.0), 2, "B"),
    Rule(r"patience\w* sched\w*_patience lr_patience patience_epochs", INT, Counted(4, 2), 4, ""),
    Rule(r"swa\w* model_ema_decay ema ema_decay ema_\w*decay ema_rate moving_average\w*", FLOAT,
         Levels((0.99, 0.995, 0.999, 0.9995, 0.9999)), 3, ""),
    Rule(r"layer_?decay lr_layer_decay llrd", FLOAT, Between(0.6, 1.0), 3, ""),
    # regularisation and augmentation
    Rule(r"drop_?path\w* stochastic_depth\w* drop_?connect\w* drop_?block\w* layer_?drop\w* survival_\w+", FLOAT,
         Between(0.0, 0.3), 2, "H"),
    Rule(r"\w*drop_?out\w* drop \w+_drop drop_\w+ \w*_pdrop dropout_\w+", FLOAT, Between(0.0, 0.5), 1, "H"),
    Rule(r"mixup_(?:prob|switch\w*|off\w*|mode) cutmix_prob mixup_prob", FLOAT, Between(0.0, 1.0), 3, "W"),
    Rule(r"mixup\w* cutmix\w*", FLOAT, Between(0.0, 1.0), 2, "W"),
    Rule(r"reprob random_erasing\w* erasing\w* cutout\w*", FLOAT, Between(0.0, 0.5), 2, "W"),
    Rule(r"color_jitter\w* colou?r\w* hsv_\w jitter\w* brightness contrast saturation hue", FLOAT,
         Between(0.0, 0.8), 3, "W"),
    Rule(r"""[hv]_?flip flip\w* flip[lu][rd] mosaic copy_paste degrees translate shear perspective grayscale\w*
          gaussian_blur\w*""", FLOAT, Between(0.0, 1.0), 4, ""),
    Rule(r"aa auto_?augment\w* randaug\w* rand_augment\w* augment\w* aug\w* policy_aug", TEXT, Listed(), 2, "W"),
    # losses
    Rule(r"(?:kd|distill\w*|teacher)_\w+", FLOAT, Scaled(10, 10), 3, ""),
    Rule(r"temperature temp tau \w+_temperature \w+_temp softmax_t",
          FLOAT, Scaled(10, 10, usual=(0.01, 10.0)), 1, ""),
    Rule(r"margin \w+_margin", FLOAT, Scaled(10, 4, near_zero=(0.1, 0.2, 0.5, 1.0)), 2, ""),
    Rule(r"\w*focal_gamma focal\w*", FLOAT, Between(0.0, 5.0), 2, ""),
    Rule(r"""alpha lambda\w* lamb lamda \w+_lambda \w*weight\w* \w*coeff?\w* \w+_alpha \w+_beta beta \w+_gain
          gain penalty \w+_penalty reg \w+_reg reg_\w+ kl_\w+""", FLOAT,
         Scaled(100, 100, near_zero=(0.001, 0.01, 0.1, 1.0)), 1, ""),
    Rule(r"loss criterion loss_\w+ \w+_loss", TEXT, Listed(), 4, "it may change what the metric means"),
    # architecture
    Rule(r"n_?heads? num_?heads? num_attention_heads nhead heads attention_heads \w+_heads", INT, Doubled(1,
          1), 2, ""),
    Rule(r"""n_?layers? num_?layers? nlayers depth depths layers num_hidden_layers \w+_layers \w+_depth n_blocks
          num_blocks blocks n_?res\w* nb_layers""", INT, Counted(2, 2), 1, ""),
    Rule(r"expansion\w* mlp_ratio ffn_ratio widen\w* width_mult\w* depth_mult\w* width_factor growth_rate", NUMBERS,
         Scaled(2, 2), 2, ""),
    Rule(r"""\w*hidden\w* n_?embd \w*embed\w* \w*emb_?(?:size|dim) em_?size emb d_?model d_ff d_?inner dim dims
          \w+_dim width widths \w+_width channels \w+_channels filters \w+_filters num_filters units \w+_units
          n_?hid nhid
          ngf ndf nef nz latent\w* z_dim features num_features feature_size ffn?\w* mlp_dim rnn_size lin\d*_size
          fc\d*_size bottleneck\w* lora_r lora_rank neurons hidden_units""", INT, _SIZES, 1, ""),
    Rule(r"lora_alpha", NUMBERS, Doubled(2, 2), 2, ""),
    Rule(r"act activation\w* \w+_activation act_fn act_layer hidden_act nonlin\w* act_type", TEXT, Listed(), 1, ""),
    Rule(r"""norm norm_\w+ normalization \w+_norm init init_type initiali\w+ init_\w+ pool pooling pool_\w+ gp
          attention\w* cell\w* rnn_type sampler merge readout aggr\w* padding_mode""", TEXT, Listed(), 2, ""),
    Rule(r"init_\w+ \w+_init initializer_range init_std init_gain init_scale", FLOAT, Scaled(10, 10), 3, ""),
    # switches
    Rule(r"=no_aug\w* =no_mixup", BOOL, Switched(), 4, "switches off what is tuned besides"),
    Rule(r"""amsgrad nesterov bias qkv_bias use_\w+ with_\w+ residual\w* skip_connections? tied? tie_\w+ bn
          batch_?norm layer_?norm \w*norm\w* augment\w* aug ema model_ema anneal\w* bidirectional mixup cutmix
          clip_\w+
          jsd jsd_loss bce_loss decay_lr cosine\w* cos_lr attention dropout flip weighted\w* balanced pre_norm
          rope swiglu
          multi_scale""", BOOL,
         Switched(), 3, ""),
)  # fmt: skip
"""What is tried, and how."""

OTHERS: Final = {
    "float": Rule("", FLOAT, Scaled(), 3, "nothing is known by its name: two orders of magnitude to either side"),
    "share": Rule("", FLOAT, Between(0.05, 0.95), 3, "nothing is known by its name: a share"),
    "int": Rule("", INT, Counted(), 4, "nothing is known by its name"),
    "bool": Rule("", BOOL, Switched(), 4, "nothing is known by its name"),
    "choices": Rule("", ANY, Listed(), 4, "nothing is known by its name"),
}
"""What else there is, by its kind."""
