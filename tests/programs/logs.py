# ruff: noqa: E501 - lines as they are printed
"""Lines as common training programs print them, and what is to be read there."""

from math import inf, nan

# name -> (text, [(step, metrics)])
LOGS: dict[str, tuple[str, list[tuple[int | None, dict[str, float]]]]] = {
    "nanogpt": (
        "step 0: train loss 10.9, val loss 10.8\n"
        "iter 250: loss 1.9, time 100.00ms, mfu 1.00%\n"
        "step 250: train loss 1.9000, val loss 2.0000\n",
        [
            (0, {"train_loss": 10.9, "val_loss": 10.8}),
            (250, {"loss": 1.9}),
            (250, {"train_loss": 1.9, "val_loss": 2.0}),
        ],
    ),
    "pytorch mnist": (
        "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.300000\n"
        "Train Epoch: 1 [640/60000 (1%)]\tLoss: 1.5\n"
        "\n"
        "Test set: Average loss: 0.0290, Accuracy: 9904/10000 (99%)\n"
        "\n"
        "Train Epoch: 2 [0/60000 (0%)]\tLoss: 1.0\n",
        [
            (1, {"train_loss": 2.3}),
            (640, {"train_loss": 1.5}),
            (1, {"test_average_loss": 0.029, "test_accuracy": 0.9904}),
            (640, {"train_loss": 1.0}),
        ],
    ),
    "key=value": (
        "epoch=3 val_acc=0.91\n",
        [(3, {"val_acc": 0.91})],
    ),
    "torchtext": (
        "Epoch: 3 | Train Loss: 0.5 | Val. Acc: 91.2%\n",
        [(3, {"train_loss": 0.5, "val_acc": 0.912})],
    ),
    "keras2": (
        "Epoch 1/2\n"
        "1/8 [==>...........] - ETA: 0s - loss: 0.9\x08\x08\x08\x08\x08\r8/8 [==============================] - 0s 5ms/s"
        "tep - loss: 0.3 - val_loss: 0.2\n"
        "Epoch 2/2\n"
        "8/8 [==============================] - 0s 5ms/step - loss: 0.25 - val_loss: 0.15\n",
        [(1, {"loss": 0.3, "val_loss": 0.2}), (2, {"loss": 0.25, "val_loss": 0.15})],
    ),
    "keras3": (
        "Epoch 1/10\n"
        "\x1b[1m1/8\x1b[0m \x1b[32m━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m0s\x1b[0m 50ms/step - accuracy: 0.1 - loss:"
        " 2.3\x08\x08\x08\x08\r\x1b[1m8/8\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m 5ms/step - accuracy: 0.9"
        " - loss: 0.3 - val_accuracy: 0.88 - val_loss: 0.35\n",
        [(1, {"accuracy": 0.9, "loss": 0.3, "val_accuracy": 0.88, "val_loss": 0.35})],
    ),
    "keras verbose=2": (
        "Epoch 1/20\n1079/1079 - 21s - loss: 0.2431 - val_loss: 0.3 - 21s/epoch - 19ms/step\n",
        [(1, {"loss": 0.2431, "val_loss": 0.3})],
    ),
    "lightning": (
        "Epoch 0:  50%|█████     | 4/8 [00:00<00:00, 20.0it/s, v_num=0, train_loss=2.30]\rEpoch 0: 100%|█"
        "█████████| 8/8 [00:01<00:00, 20.0it/s, v_num=0, train_loss=2.10]\rValidation: 100%|██████| 2/2 ["
        "00:00<00:00, 50it/s]\rEpoch 0: 100%|██████████| 8/8 [00:01<00:00, 20.0it/s, v_num=0, train_loss="
        "2.10, val_loss=1.90]\rEpoch 1:  12%|█         | 1/8 [00:00<00:00, 20.0it/s, v_num=0, train_loss="
        "2.0, val_loss=1.90]\rEpoch 1: 100%|█| 8/8 [00:00<00:00, v_num=0, train_loss=1.80, val_loss=1.90]"
        "\rEpoch 1: 100%|█| 8/8 [00:00<00:00, v_num=0, train_loss=1.80, val_loss=1.70]\n",
        [(1, {"train_loss": 2.1}), (1, {"val_loss": 1.9}), (2, {"train_loss": 1.8}), (2, {"val_loss": 1.7})],
    ),
    "transformers": (
        "{'loss': 0.8, 'grad_norm': 1.2, 'learning_rate': 4.5e-05, 'epoch': 0.5}\n"
        "{'eval_loss': 0.5, 'eval_accuracy': 0.8, 'eval_runtime': 1.2, 'eval_samples_per_second': 800.0,"
        " 'epoch': 1.0}\n",
        [(None, {"loss": 0.8, "grad_norm": 1.2}), (1, {"eval_loss": 0.5, "eval_accuracy": 0.8})],
    ),
    "transformers 5": (
        "{'loss': '0.8', 'epoch': '1'}\n",
        [(1, {"loss": 0.8})],
    ),
    "fairseq": (
        "2024-01-01 10:00:00 | INFO | valid | epoch 003 | valid on 'valid' subset | loss 4.2 | nll_loss "
        "3.1 | ppl 18.3 | wps 100 | num_updates 300 | best_loss 4.2\n",
        [(3, {"valid_loss": 4.2, "valid_nll_loss": 3.1, "valid_ppl": 18.3, "valid_best_loss": 4.2})],
    ),
    "torchvision": (
        "Epoch: [0]  [  10/100]  eta: 0:00:10  lr: 0.1  img/s: 100.5  loss: 2.3000 (2.5000)  acc1: 10.00"
        "00 (11.0)  time: 0.5 data: 0.1  max mem: 100\n"
        "Test:   [  0/20]  eta: 0:00:04  loss: 1.0 (1.0)  acc1: 70.0 (70.0)\n"
        "Test:   [ 19/20]  eta: 0:00:00  loss: 1.0 (1.1)  acc1: 70.0 (76.1)\n"
        "Test:  Acc@1 76.100 Acc@5 92.900\n",
        [
            (1, {"loss": 2.5, "acc1": 11.0}),
            (1, {"test_loss": 1.1, "test_acc1": 76.1}),
            (1, {"test_acc_1": 76.1, "test_acc_5": 92.9}),
        ],
    ),
    "pytorch imagenet": (
        "Epoch: [0][  10/5005]\tTime  0.3 ( 0.5)\tData 0.0 ( 0.1)\tLoss 6.9e+00 (7.0e+00)\tAcc@1   0.00 (  0"
        ".10)\tAcc@5   1.0 (  0.5)\n"
        " * Acc@1 76.130 Acc@5 92.862\n",
        [(1, {"loss": 7.0, "acc_1": 0.1, "acc_5": 0.5}), (1, {"acc_1": 76.13, "acc_5": 92.862})],
    ),
    "timm": (
        "Train: 0 [   0/1251 (  0%)]  Loss: 6.91 (6.91)  Time: 1.2s,  200.00/s  LR: 1.0e-05  Data: 0.5 ("
        "0.5)\n"
        "Test: [   0/78]  Time: 1.0 (1.0)  Loss:  0.9 (0.9)  Acc@1:  80.0 ( 80.0)\n"
        "Test: [  78/78]  Time: 0.1 (0.2)  Loss:  1.1 (1.2)  Acc@1:  70.0 ( 76.5)\n"
        "*** Best metric: 76.5 (epoch 0)\n",
        [(1, {"train_loss": 6.91}), (1, {"test_loss": 1.2, "test_acc_1": 76.5}), (1, {"best_metric": 76.5})],
    ),
    "openmmlab": (
        "04/21 21:03:53 - mmengine - INFO - Epoch(train) [1][10/90]  lr: 1.000e-02  eta: 0:00:25  time: "
        "0.010  data_time: 0.000  memory: 0  loss: 11.4723\n"
        "2020-05-08 18:56:16,649 - mmdet - INFO - Epoch [1][2400/7517]\tlr: 0.00125, eta: 4:33:09, time: "
        "0.595, data_time: 0.032, memory: 6836, loss_rpn_cls: 0.0989, acc: 93.4961, loss: 0.4890\n"
        "04/21 21:03:53 - mmengine - INFO - Epoch(val) [1][90/90]    coco/bbox_mAP: 0.3110  coco/bbox_mA"
        "P_50: 0.5000  data_time: 0.1  time: 0.2\n",
        [
            (1, {"train_loss": 11.4723}),
            (1, {"loss_rpn_cls": 0.0989, "acc": 93.4961, "loss": 0.489}),
            (1, {"val_coco_bbox_map": 0.311, "val_coco_bbox_map_50": 0.5}),
        ],
    ),
    "caffe": (
        "I0914 09:36:00.295799  6584 solver.cpp:228] Iteration 1853400, loss = 0.667568\n"
        "I0914 09:36:00.295799  6584 solver.cpp:244]     Train net output #0: accuracy = 0.78125\n",
        [(1853400, {"loss": 0.667568}), (1853400, {"accuracy": 0.78125})],
    ),
    "pytorch transfer tutorial": (
        "Epoch 0/24\n----------\ntrain Loss: 0.5 Acc: 0.7\nval Loss: 0.2 Acc: 0.9\n\nBest val Acc: 0.95\n",
        [
            (1, {"train_loss": 0.5, "train_acc": 0.7}),
            (1, {"val_loss": 0.2, "val_acc": 0.9}),
            (1, {"best_val_acc": 0.95}),
        ],
    ),
    "pytorch quickstart": (
        "Epoch 1\n"
        "-------------------------------\n"
        "loss: 2.303494  [   64/60000]\n"
        "loss: 2.2  [ 6464/60000]\n"
        "Test Error: \n"
        " Accuracy: 64.9%, Avg loss: 1.058 \n"
        "\n"
        "Epoch 2\n"
        "-----\n"
        "loss: 1.0  [   64/60000]\n"
        "Test Error: \n"
        " Accuracy: 70.0%, Avg loss: 0.9 \n",
        [
            (64, {"loss": 2.303494}),
            (6464, {"loss": 2.2}),
            (1, {"test_accuracy": 0.649, "test_avg_loss": 1.058}),
            (6528, {"loss": 1.0}),
            (2, {"test_accuracy": 0.7, "test_avg_loss": 0.9}),
        ],
    ),
    "two counts in brackets": (
        "Epoch [1/5], Step [100/600], Loss: 0.5\n"
        "Epoch [1/5], Step [200/600], Loss: 0.4\n"
        "Epoch [2/5], Step [100/600], Loss: 0.3\n",
        [(1, {"loss": 0.5}), (200, {"loss": 0.4}), (300, {"loss": 0.3})],
    ),
    "xgb": (
        "[0]\ttrain-rmse:0.5\tvalid-rmse:0.6\n[1]\ttrain-rmse:0.4\tvalid-rmse:0.5\n",
        [(0, {"train_rmse": 0.5, "valid_rmse": 0.6}), (1, {"train_rmse": 0.4, "valid_rmse": 0.5})],
    ),
    "lgbm": (
        "[10]\tvalid_0's l2: 0.5\tvalid_0's auc: 0.9\n"
        "[LightGBM] [Info] Number of positive: 100, number of negative: 50\n",
        [(10, {"valid_0_s_l2": 0.5, "valid_0_s_auc": 0.9})],
    ),
    "catboost": (
        "0:\tlearn: 0.69\ttest: 0.68\tbest: 0.68 (0)\ttotal: 50ms\tremaining: 5s\n",
        [(0, {"learn": 0.69, "test_best": 0.68})],
    ),
    "fastai": (
        "epoch     train_loss  valid_loss  accuracy  time    \n"
        "0         0.5         0.4         0.9       00:10     \n"
        "1         0.4         0.3         0.91      00:10\n",
        [
            (1, {"train_loss": 0.5, "valid_loss": 0.4, "accuracy": 0.9}),
            (2, {"train_loss": 0.4, "valid_loss": 0.3, "accuracy": 0.91}),
        ],
    ),
    "skorch": (
        "  epoch    train_loss    valid_acc    valid_loss     dur\n"
        "-------  ------------  -----------  ------------  ------\n"
        "      1        0.6905       0.6150        0.6749  0.0400\n"
        "      2        0.6648       0.6450        0.6633  0.0100\n",
        [
            (1, {"train_loss": 0.6905, "valid_acc": 0.615, "valid_loss": 0.6749}),
            (2, {"train_loss": 0.6648, "valid_acc": 0.645, "valid_loss": 0.6633}),
        ],
    ),
    "yolo": (
        "      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
        "       1/10       2.8G      1.158       1.23      1.214        127        640: 100%|██████████|"
        " 8/8 [00:03<00:00,  2.13it/s]\n"
        "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|"
        "██████████| 4/4 [00:03<00:00,  2.13it/s]\n"
        "                   all        128        929      0.651      0.604      0.675      0.504\n",
        [
            (1, {"box_loss": 1.158, "cls_loss": 1.23, "dfl_loss": 1.214}),
            (1, {"box_p": 0.651, "r": 0.604, "map50": 0.675, "map50_95": 0.504}),
        ],
    ),
    "sb3": (
        "------------------------------\n"
        "| rollout/           |       |\n"
        "|    ep_len_mean     | 22.6  |\n"
        "|    ep_rew_mean     | 20.3  |\n"
        "| time/              |       |\n"
        "|    fps             | 1000  |\n"
        "|    total_timesteps | 2048  |\n"
        "------------------------------\n",
        [(None, {"ep_len_mean": 22.6}), (None, {"ep_rew_mean": 20.3})],
    ),
    "lightning test table": (
        "┏━━━━━━━━━━┳━━━━━━━━━┓\n┃ Test metric ┃ DataLoader 0 ┃\n│         test_acc          │     0.9        │\n",
        [(None, {"test_acc": 0.9})],
    ),
    "tqdm": (
        "Training:  10%|█         | 10/100 [00:01<00:09, 10.0it/s, loss=0.5]\rTraining:  20%|██        | "
        "20/100 [00:02<00:08, 10.0it/s, loss=0.4]\n",
        [(10, {"training_loss": 0.5}), (20, {"training_loss": 0.4})],
    ),
    "json among text": (
        'starting\n{"step": 5, "val": {"loss": 0.5}}\nnot json\n',
        [(5, {"val_loss": 0.5})],
    ),
    "hydra": (
        "[2024-01-01 12:00:00,123][__main__][INFO] - epoch 3: val loss 0.5, acc 91.2%\n",
        [(3, {"val_loss": 0.5, "val_acc": 0.912})],
    ),
    "no metrics at all": (
        "Namespace(lr=0.1, loss_weight=0.5, epochs=10)\n"
        "lr: 0.1\n"
        "batch_size: 64\n"
        "Connecting to 192.168.0.1:8080\n"
        "PyTorch version 2.1.0+cu118\n"
        "2024-01-01 12:00:00 starting\n"
        "Loaded 60000 samples in 3.2s\n"
        "Seed 42\n"
        "Total params: 1,234,567\n"
        "Epoch 3 took 5.2 seconds\n"
        "saving to /data/epoch=3-val_loss=0.50.ckpt\n"
        "CUDA error: 2\n"
        "error 404\n"
        "Port 8080\n"
        "12.5 GB used\n"
        "step_size: 5\n"
        "Epochs: 10\n"
        "learning rate: 0.001\n",
        [],
    ),
    "checkpoint messages": (
        "val_loss improved from inf to 0.5, saving model to /data/m.h5\n"
        "Epoch 3, global step 40: 'val_loss' reached 0.51 (best 0.5), saving model to '/x/epoch=3-val_lo"
        "ss=0.50.ckpt' as top 1\n",
        [],
    ),
    "nan and inf": (
        "Epoch 1: train loss nan, val loss inf\nepoch 2 loss: 1e-3\n",
        [(1, {"train_loss": nan, "val_loss": inf}), (2, {"loss": 0.001})],
    ),
    "pytorch cifar tutorial": (
        "[1,  2000] loss: 2.219\nAccuracy of the network on the 10000 test images: 55 %\n",
        [(1, {"loss": 2.219}), (1, {"test_accuracy": 0.55})],
    ),
    "gan": (
        "[0/25][0/1583]\tLoss_D: 1.7\tLoss_G: 5.2\n",
        [(1, {"loss_d": 1.7, "loss_g": 5.2})],
    ),
    "epoch and batch": (
        "INFO: epoch 1-599, loss: 0.015 (vt899pondemo)\n",
        [(1, {"loss": 0.015})],
    ),
    "bars and durations": (
        "Epoch 10 loss 12.3880 | train 2.1s | Acc 9.32% | infer 4.4s\n",
        [(10, {"loss": 12.388, "acc": 0.0932})],
    ),
    "torchrun and megatron": (
        "[rank0]: step 100 val_loss=0.5\n"
        "[default0]:iteration 10/ 100 | consumed samples: 100 | lm loss: 1.5E+00 | grad norm: 1.0\n",
        [(100, {"val_loss": 0.5}), (10, {"lm_loss": 1.5, "grad_norm": 1.0})],
    ),
    "ignite": (
        "Training Results - Epoch: 1  Avg accuracy: 0.91 Avg loss: 0.30\n"
        "Validation Results - Epoch: 1  Avg accuracy: 0.90 Avg loss: 0.33\n",
        [
            (1, {"training_avg_accuracy": 0.91, "training_avg_loss": 0.3}),
            (1, {"validation_avg_accuracy": 0.9, "validation_avg_loss": 0.33}),
        ],
    ),
    "d2": (
        "[01/01 10:00:00 d2.utils.events]:  eta: 0:10:00  iter: 19  total_loss: 1.5  loss_cls: 0.5  time"
        ": 0.3  data_time: 0.01  lr: 1e-05  max_mem: 2000M\n",
        [(19, {"total_loss": 1.5, "loss_cls": 0.5})],
    ),
    "tf1": (
        "Epoch: 0001 cost= 0.501234567\nOptimization Finished!\nAccuracy: 0.9123\n",
        [(1, {"cost": 0.501234567}), (1, {"accuracy": 0.9123})],
    ),
    "maxtext": (
        "completed step: 5, seconds: 0.1, TFLOP/s/device: 10.1, Tokens/s/device: 100.0, total_weights: 8"
        "192, loss: 10.5\n",
        [(5, {"loss": 10.5})],
    ),
    "flax": (
        "epoch:  1, train_loss: 0.5, train_accuracy: 90.10, test_loss: 0.4, test_accuracy: 91.00\n",
        [(1, {"train_loss": 0.5, "train_accuracy": 90.1, "test_loss": 0.4, "test_accuracy": 91.0})],
    ),
    "llmc": (
        "step    1/18865 | loss 10.955029 (+nanz)| norm 15.3 (+nanz)| lr 8.57e-07 | 2000.00 ms | 50% bf1"
        "6 MFU | 100000 tok/s\n"
        "val loss 10.9\n",
        [(1, {"loss": 10.955029}), (1, {"val_loss": 10.9})],
    ),
    "modded": (
        "step:125/5100 val_loss:6.5012 train_time:1000ms step_avg:8.00ms\n"
        "step:126/5100 train_time:1010ms step_avg:8.01ms\n",
        [(125, {"val_loss": 6.5012})],
    ),
    "megatron": (
        " validation loss at iteration 1000 | lm loss value: 2.500000E+00 | lm loss PPL: 1.218249E+01 | \n",
        [(1000, {"validation_lm_loss_value": 2.5, "validation_lm_loss_ppl": 12.18249})],
    ),
    "mlp": (
        "Iteration 1, loss = 0.52345\nValidation score: 0.901\n",
        [(1, {"loss": 0.52345}), (1, {"validation_score": 0.901})],
    ),
    "onmt": (
        "[2024-01-01 10:00:00,000 INFO] Step 50/1000; acc: 10.5; ppl: 100.2; xent: 4.6; lr: 0.001; 1000/"
        "900 tok/s; 10 sec;\n"
        "[2024-01-01 10:00:10,000 INFO] Validation perplexity: 20.1\n"
        "[2024-01-01 10:00:10,000 INFO] Validation accuracy: 45.2\n",
        [
            (50, {"acc": 10.5, "ppl": 100.2, "xent": 4.6}),
            (50, {"validation_perplexity": 20.1}),
            (50, {"validation_accuracy": 45.2}),
        ],
    ),
    "tabs": (
        "Epoch 1/5 \t loss=0.5123 \t val_loss=0.4123 \t time=10.20s\n",
        [(1, {"loss": 0.5123, "val_loss": 0.4123})],
    ),
    "deepspeed": (
        "[2024-01-01 10:00:00,000] [INFO] [logging.py:96:log_dist] [Rank 0] step=10, skipped=0, lr=[0.00"
        "1], mom=[[0.9, 0.999]]\n"
        "steps: 10 loss: 0.5012 iter time (s): 1.012 samples/sec: 8.1\n",
        [(10, {"skipped": 0.0}), (10, {"loss": 0.5012})],
    ),
    "wandb": (
        "wandb: Run summary:\nwandb:   val_loss 0.312\nwandb:   _runtime 12\n",
        [(None, {"val_loss": 0.312})],
    ),
    "gpytorch": (
        "Iter 1/50 - Loss: 0.912   lengthscale: 0.693   noise: 0.5\n",
        [(1, {"loss": 0.912, "lengthscale": 0.693, "noise": 0.5})],
    ),
    "cleanrl": (
        "global_step=1000, episodic_return=20.0\nSPS: 500\n",
        [(1000, {"episodic_return": 20.0})],
    ),
    "pyg": (
        "Epoch: 010, Loss: 0.5012, Train: 0.9000, Val: 0.8000, Test: 0.7900\n",
        [(10, {"loss": 0.5012})],
    ),
    "dqn": (
        "Episode 10\tAverage Score: 20.51\nEpisode 100  Average Score: 200.1\n",
        [(10, {"average_score": 20.51}), (100, {"average_score": 200.1})],
    ),
    "reinforce": (
        "Episode 10\tLast reward: 20.00\tAverage reward: 15.00\n",
        [(10, {"last_reward": 20.0, "average_reward": 15.0})],
    ),
    "pytorch word language model": (
        "| epoch   1 |   200/ 2983 batches | lr 20.00 | ms/batch 10.00 | loss  7.60 | ppl  2000.12\n"
        "-----------------------------------------------------------------------------------------\n"
        "| end of epoch   1 | time: 10.00s | valid loss  5.50 | valid ppl   244.69\n",
        [(1, {"loss": 7.6, "ppl": 2000.12}), (1, {"valid_loss": 5.5, "valid_ppl": 244.69})],
    ),
    "vae": (
        "====> Epoch: 1 Average loss: 160.1234\n====> Test set loss: 127.5\n",
        [(1, {"average_loss": 160.1234}), (1, {"test_set_loss": 127.5})],
    ),
    "kuangliu": (
        "\nEpoch: 0\n [=====>....]  Step: 10ms | Tot: 1s | Loss: 1.512 | Acc: 45.123% (123/272) 10/391 \n",
        [(1, {"loss": 1.512, "acc": 0.45123})],
    ),
    "speechbrain": (
        "epoch: 1, lr: 1.00e-03 - train loss: 2.5 - valid loss: 2.1, valid WER: 35.2\n",
        [(1, {"train_loss": 2.5, "valid_loss": 2.1, "valid_wer": 35.2})],
    ),
    "allennlp": (
        "accuracy: 0.9012, loss: 0.3 ||: 100%|##########| 10/10 [00:01<00:00,  9.0it/s]\n",
        [(10, {"accuracy": 0.9012, "loss": 0.3})],
    ),
    "thousands": (
        "step 1,000: loss 1,234.5\n",
        [(1000, {"loss": 1234.5})],
    ),
    "commas": (
        "Epoch 5, Loss: 0.0123, Accuracy: 99.12, Test Loss: 0.05, Test Accuracy: 98.5\n",
        [(5, {"loss": 0.0123, "accuracy": 99.12, "test_loss": 0.05, "test_accuracy": 98.5})],
    ),
    "tensors": (
        "epoch=0: train_ppl=tensor(1.5, device='cuda:0') train_epoch_loss=tensor(0.4055, device='cuda:0'"
        ") eval_ppl=tensor(1.4) eval_epoch_loss=tensor(0.3365)\n",
        [(1, {"train_ppl": 1.5, "train_epoch_loss": 0.4055, "eval_ppl": 1.4, "eval_epoch_loss": 0.3365})],
    ),
    "numpyfloat": (
        "epoch 3 val_loss np.float64(0.5)\nval_loss=np.float32(0.25)\n",
        [(3, {"val_loss": 0.5}), (3, {"val_loss": 0.25})],
    ),
    "sentences": (
        "R2 score: 0.85\nRMSE = 1.23\nMean Absolute Error: 0.5\nFinal accuracy 0.93\ntest accuracy is 93.5%\n",
        [
            (None, {"r2_score": 0.85}),
            (None, {"rmse": 1.23}),
            (None, {"mean_absolute_error": 0.5}),
            (None, {"final_accuracy": 0.93}),
            (None, {"test_accuracy": 0.935}),
        ],
    ),
    "arrows": (
        "Epoch 2 -> loss: 0.5 -> val_loss: 0.4\n",
        [(2, {"loss": 0.5, "val_loss": 0.4})],
    ),
    "structlog": (
        "2024-01-01T12:00:00Z [info     ] evaluated   epoch=3 val_loss=0.5\n",
        [(3, {"val_loss": 0.5})],
    ),
    "loguru": (
        "2024-01-01 12:00:00.123 | INFO     | __main__:train:25 - epoch 3 val_loss 0.5\n",
        [(3, {"val_loss": 0.5})],
    ),
    "composer": (
        "[batch=10/100]: Train loss/train/total: 0.5\n[eval_batch=5/5] Eval metrics/eval/MulticlassAccuracy: 0.91\n",
        [(10, {"train_loss_train_total": 0.5}), (10, {"eval_metrics_eval_multiclass_accuracy": 0.91})],
    ),
    "ray prefix": (
        "(train pid=123, ip=10.0.0.1) epoch 3 val_loss 0.5\n",
        [(3, {"val_loss": 0.5})],
    ),
    "swin": (
        "[2024-01-01 10:00:00 swin_tiny](main.py 200): INFO Train: [0/300][10/1251]\teta 0:10:00 lr 0.000"
        "001\ttime 0.5 (0.6)\tloss 6.9 (6.95)\tgrad_norm 1.5 (1.6)\tmem 10000MB\n"
        "[2024-01-01 10:10:00 swin_tiny](main.py 300): INFO  * Acc@1 76.100 Acc@5 92.900\n",
        [(1, {"train_loss": 6.95}), (1, {"acc_1": 76.1, "acc_5": 92.9})],
    ),
}

NO_METRICS: list[str] = [
    "+-----------------------------------------------------------------------------------------+",
    "| NVIDIA-SMI 550.54.14              Driver Version: 550.54.14      CUDA Version: 12.4     |",
    "|   0  NVIDIA A100-SXM4-40GB          On  |   00000000:00:04.0 Off |                    0 |",
    "| N/A   33C    P0             45W /  400W |       4MiB /  40960MiB |      0%      Default |",
    "Downloading: 100%|██████████| 9.91M/9.91M [00:00<00:00, 11.2MB/s]",
    "100%|██████████| 9912422/9912422 [00:01<00:00, 6104664.02it/s]",
    "Collecting torch==2.1.0",
    "  Downloading torch-2.1.0-cp311-cp311-manylinux1_x86_64.whl (670.2 MB)",
    "     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 670.2/670.2 MB 1.7 MB/s eta 0:00:00",
    "Traceback (most recent call last):",
    '  File "/home/u/train.py", line 12, in <module>',
    "    main()",
    "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 15.78 GiB total capacity; 14.56 GiB already allocated; 3.44 MiB free)",
    "OSError: [Errno 28] No space left on device",
    "torch.cuda.OutOfMemoryError: error code 2",
    " Layer (type)                Output Shape              Param #   ",
    " dense (Dense)               (None, 128)               100480    ",
    "Total params: 101,770 (397.54 KB)",
    "================================================================================",
    "Layer (type:depth-idx)                   Output Shape              Param #",
    "├─Linear: 1-1                            [1, 128]                  100,480",
    "usage: train.py [-h] [--lr LR] [--epochs EPOCHS] [--loss LOSS]",
    "  --lr LR            learning rate (default: 0.001)",
    "  --epochs EPOCHS    number of epochs (default: 10)",
    "  --label-smoothing X  loss label smoothing (default: 0.1)",
    "lr=0.001 epochs=10 batch_size=64 loss_scale=128 dropout=0.5",
    "{'lr': 0.001, 'epochs': 10, 'loss': 'mse', 'seed': 1}",
    '{"lr": 0.001, "epochs": 10, "loss_weight": 1.0, "patience": 5}',
    "config: {'model': {'hidden': 64}, 'optim': {'lr': 0.1, 'epoch': 10}}",
    "optimizer: AdamW (",
    "Parameter Group 0",
    "    amsgrad: False",
    "    betas: (0.9, 0.999)",
    "    eps: 1e-08",
    "    lr: 0.001",
    "    weight_decay: 0.01",
    ")",
    "Number of training samples: 50000",
    "Train size: 50000, Test size: 10000",
    "Train set: 50000 | Val set: 10000",
    "Loaded 50000 training and 10000 test images",
    "Training on 4 GPUs with batch size 256",
    "Training for 10 epochs",
    "Epochs: 10, LR: 0.1",
    "Loading checkpoint from epoch 12 (loss 0.1234)",
    "Resuming from step 500",
    "Early stopping patience: 5/10",
    "EarlyStopping counter: 3 out of 10",
    "Validation loss decreased (0.5 --> 0.4).  Saving model ...",
    "Saved checkpoint at step 1000 to runs/exp1/ckpt_1000.pt",
    "GPU memory: 12.5GB, utilisation 93%",
    "[W socket.cpp:601] [c10d] The client socket has failed to connect to [localhost]:29500 (errno: 99)",
    "2024-01-01 00:00:00.000000: I tensorflow/core/util/port.cc:113] oneDNN custom operations are on.",
    "W0101 00:00:00.000000 140 torch/distributed/run.py:757] Setting OMP_NUM_THREADS to 1",
    "wandb: Currently logged in as: me. Use `wandb login --relogin` to force relogin",
    "wandb: Tracking run with wandb version 0.16.0",
    "wandb: 🚀 View run at https://wandb.ai/me/p/runs/1a2b3c4d",
    "Namespace(batch_size=64, test_batch_size=1000, epochs=14, lr=1.0, gamma=0.7, no_cuda=False, dry_run=False, seed=1, log_interval=10, save_model=False)",
    "tokens per iteration will be: 491,520",
    "found vocab_size = 65 (inside data/shakespeare_char/meta.pkl)",
    "number of parameters: 10.65M",
    "num decayed parameter tensors: 26, with 10,740,096 parameters",
    "using fused AdamW: True",
    "Setting max_iters = 5000",
    "Overriding: learning_rate = 0.001",
    "=== test session starts ===",
    "collected 10 items / 2 errors",
    "FAILED tests/test_a.py::test_loss - assert 0.5 == 0.4",
    "10 passed, 2 failed in 3.21s",
    "Accuracy threshold: 0.9",
    "Target accuracy = 0.95",
    "loss_fn: CrossEntropyLoss(weight=None, label_smoothing=0.1)",
    "class_weights: tensor([0.5, 1.5])",
    "Best epoch: 12",
    "Time for epoch 3: 12.5s",
    "Elapsed: 00:12:30",
    "ETA: 1h 20m",
    "Score card v2",
    "In 2017, precision agriculture grew 5%",
    "map size 1024",
]
